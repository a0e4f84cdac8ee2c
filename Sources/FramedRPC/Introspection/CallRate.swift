import NIOCore

/// How many calls a second a server has answered in the last whole interval, and how many of them in
/// vain, as a state machine.
struct CallRate: Sendable {
  /// Each a second.
  struct Rates: Hashable, Sendable {
    var requests: Double
    var errors: Double
  }

  private let interval: TimeAmount
  private var calls = 0
  private var errors = 0
  /// When the interval began; nil before the first call.
  private var since: NIODeadline?
  private var last: Rates?

  init(interval: Duration) {
    self.interval = TimeAmount(interval)
  }

  /// A call ended.
  mutating func record(isError: Bool, now: NIODeadline) {
    self.roll(now)
    self.since = self.since ?? now
    self.calls += 1
    if isError { self.errors += 1 }
  }

  /// nil until an interval has passed since the first call. After a time without calls or questions
  /// the interval is as long as that.
  mutating func rates(now: NIODeadline) -> Rates? {
    self.roll(now)
    return self.last
  }

  private mutating func roll(_ now: NIODeadline) {
    guard let since = self.since else { return }
    let elapsed = (now - since).nanoseconds
    guard elapsed >= self.interval.nanoseconds, elapsed > 0 else { return }
    let seconds = Double(elapsed) / 1e9
    self.last = Rates(requests: Double(self.calls) / seconds, errors: Double(self.errors) / seconds)
    self.calls = 0
    self.errors = 0
    self.since = now
  }
}
