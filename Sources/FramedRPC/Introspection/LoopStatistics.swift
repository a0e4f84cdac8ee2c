import NIOCore

/// What the calls of all connections of one event loop have come to.
///
/// Touched only on the loop: counting a call costs an index and some additions, no lock and no
/// atomic operation. Whoever asks comes to the loop.
package final class LoopStatistics: @unchecked Sendable {
  /// A method's counts; made at its first call. Touched only on the loop.
  final class Method: @unchecked Sendable {
    @exclusivity(unchecked) var inFlight = 0
    @exclusivity(unchecked) var statuses = [UInt64](repeating: 0, count: RPCStatus.allCases.count)
    @exclusivity(unchecked) var latency = LogLinearHistogram(
      precisionBits: LoopStatistics.precisionBits, largest: LoopStatistics.longest)
    private let slowCalls: SlowCallRing

    fileprivate init(_ slowCalls: SlowCallRing) {
      self.slowCalls = slowCalls
    }

    /// A call that was counted as in flight has ended.
    ///
    /// - Parameters:
    ///   - microseconds: since its request arrived.
    ///   - context: read only when the call was slow.
    func ended(
      _ status: RPCStatus, microseconds: UInt32, _ context: @autoclosure () -> RPCContext
    ) {
      self.inFlight -= 1
      self.statuses[Int(status.rawValue)] += 1
      self.latency.record(UInt64(microseconds))
      if microseconds > self.slowCalls.threshold {
        self.slowCalls.append(context(), status, microseconds)
      }
    }
  }

  /// Buckets at most a sixteenth wide: 4 KiB a method and loop.
  private static let precisionBits = 4
  /// In microseconds: an hour.
  private static let longest: UInt64 = 3_600_000_000

  let loop: any EventLoop
  @exclusivity(unchecked) private var methods: [Method?]
  private let slowCalls = SlowCallRing()

  package init(loop: any EventLoop, methodCount: Int) {
    self.loop = loop
    self.methods = Array(repeating: nil, count: methodCount)
  }

  /// A call was answered without a handler.
  package func refused(_ slot: Int, _ status: RPCStatus) {
    self.method(slot).statuses[Int(status.rawValue)] += 1
  }

  func method(_ slot: Int) -> Method {
    if let method = self.methods[slot] { return method }
    let method = Method(self.slowCalls)
    self.methods[slot] = method
    return method
  }

  // MARK: for whoever asks, on the loop

  /// The counts of one method on one loop, or on all.
  struct MethodCounts: Sendable {
    let slot: Int
    var inFlight: Int
    /// By number of the status.
    var statuses: [UInt64]
    var latency: LogLinearHistogram

    mutating func merge(_ other: MethodCounts) {
      self.inFlight += other.inFlight
      for (status, count) in other.statuses.enumerated() {
        self.statuses[status] += count
      }
      self.latency.merge(other.latency)
    }
  }

  var methodCounts: [MethodCounts] {
    self.methods.enumerated().compactMap { slot, method in
      method.map {
        MethodCounts(
          slot: slot, inFlight: $0.inFlight, statuses: $0.statuses, latency: $0.latency)
      }
    }
  }

  /// Newest first.
  var slow: [FramedrpcV1.SlowCall] { self.slowCalls.newestFirst }

  /// In microseconds.
  var slowThreshold: UInt32 {
    get { self.slowCalls.threshold }
    set { self.slowCalls.threshold = newValue }
  }
}

/// The last calls of a loop that took longer than a threshold. Touched only on the loop.
final class SlowCallRing: @unchecked Sendable {
  static let capacity = 128

  /// In microseconds; what a user of a page would notice.
  @exclusivity(unchecked) var threshold: UInt32 = 100_000
  private var calls: [FramedrpcV1.SlowCall] = []
  private var oldest = 0

  func append(_ context: RPCContext, _ status: RPCStatus, _ microseconds: UInt32) {
    let call = FramedrpcV1.SlowCall(
      method: context.method, durationUs: Int64(microseconds), status: status.name,
      requestID: context.requestID ?? "",
      startedMs: WallTime.milliseconds - Int64(microseconds) / 1000)
    if self.calls.count < Self.capacity {
      self.calls.append(call)
    } else {
      self.calls[self.oldest] = call
      self.oldest = (self.oldest + 1) % Self.capacity
    }
  }

  var newestFirst: [FramedrpcV1.SlowCall] {
    (self.calls[self.oldest...] + self.calls[..<self.oldest]).reversed()
  }
}
