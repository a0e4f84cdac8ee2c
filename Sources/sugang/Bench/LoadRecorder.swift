import FramedRPC
import Glibc
import NIOCore

/// Collects what one level of load measured, and says when it is over.
///
/// Touched on one event loop only: measuring must cost little beside what is measured.
final class LoadRecorder: @unchecked Sendable {
  private let loop: any EventLoop
  /// Calls that began before are not counted.
  private let warm: NIODeadline
  private let end: NIODeadline
  private let over: EventLoopPromise<Void>
  /// Nanoseconds, in buckets that are each about 3 % wide.
  private var histogram = LogLinearHistogram(precisionBits: 5, largest: UInt64(Int64.max))
  /// This process's processor time, in ticks of `clock(3)`.
  private var ticksAtWarm = 0
  private var ticksAtEnd = 0

  static let warmUp = TimeAmount.milliseconds(500)

  init(loop: any EventLoop, duration: Duration) {
    self.loop = loop
    self.warm = .now() + Self.warmUp
    self.end = self.warm + TimeAmount(duration)
    self.over = loop.makePromise()
    loop.scheduleTask(deadline: self.warm) { self.ticksAtWarm = clock() }
    loop.scheduleTask(deadline: self.end) {
      self.ticksAtEnd = clock()
      self.over.succeed()
    }
  }

  /// Counts a call. Returns when the next one starts, which is now, or nil when time is up.
  func finished(startedAt start: NIODeadline) -> NIODeadline? {
    self.loop.assertInEventLoop()
    let now = NIODeadline.now()
    guard now < self.end else { return nil }
    if start >= self.warm {
      self.histogram.record(UInt64(max((now - start).nanoseconds, 0)))
    }
    return now
  }

  func untilOver() async {
    try? await self.over.futureResult.get()
  }

  /// What was measured, once it is over.
  func measurement() async throws -> LoadMeasurement {
    // The last call may end the load a moment before the timer does.
    await self.untilOver()
    return try await self.loop.submit {
      LoadMeasurement(
        perSecond: Double(self.histogram.count)
          / (Double((self.end - self.warm).nanoseconds) / 1e9),
        p50Microseconds: Double(self.histogram.quantile(0.5)) / 1000,
        p99Microseconds: Double(self.histogram.quantile(0.99)) / 1000,
        cpuMicroseconds: Double(self.ticksAtEnd - self.ticksAtWarm) * 1e6
          / Double(CLOCKS_PER_SEC) / Double(max(self.histogram.count, 1)))
    }.get()
  }
}

/// The result of one level of load.
struct LoadMeasurement: Sendable {
  let perSecond: Double
  let p50Microseconds: Double
  let p99Microseconds: Double
  /// What the client spends on one call; the server spends about as much.
  let cpuMicroseconds: Double
}
