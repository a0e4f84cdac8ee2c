import Synchronization

/// The messages that one call has sent and received so far, seen from the side that counts.
public final class CallTraffic: Sendable {
  public struct Count: Hashable, Sendable {
    public var messages = 0
    /// Of the messages as protobuf, without frames and metadata.
    public var bytes = 0

    public init() {}

    mutating func add(_ bytes: Int) {
      self.messages += 1
      self.bytes += bytes
    }

    fileprivate static func + (left: Count, right: Count?) -> Count {
      var sum = left
      sum.messages += right?.messages ?? 0
      sum.bytes += right?.bytes ?? 0
      return sum
    }
  }

  private struct State {
    var sent = Count()
    var received = Count()
    /// Counts itself what goes through it.
    var stream: MessageStream?
  }

  private let state = Mutex(State())

  init() {}

  public var sent: Count { self.state.withLock { $0.sent + $0.stream?.sent } }
  public var received: Count { self.state.withLock { $0.received + $0.stream?.received } }

  /// What came with the end of a stream; empty until then, and of a unary call.
  var trailingMetadata: RPCMetadata {
    self.state.withLock { $0.stream }?.trailingMetadata ?? RPCMetadata()
  }

  func countSent(_ bytes: Int) {
    self.state.withLock { $0.sent.add(bytes) }
  }

  func countReceived(_ bytes: Int) {
    self.state.withLock { $0.received.add(bytes) }
  }

  /// Counts what has gone and goes through a stream as well.
  func follow(_ stream: MessageStream) {
    self.state.withLock { state in
      state.sent = state.sent + state.stream?.sent
      state.received = state.received + state.stream?.received
      state.stream = stream
    }
  }
}
