import Kernel

/// How many turns a second are handed out while somebody waits: a moving average that forgets old
/// seconds exponentially (EWMA).
struct AdmissionRate: Sendable {
  /// What the newest second counts in the average.
  private static let newest = 1.0 / 16
  /// After so many seconds without an admission the average is 0.
  private static let memorySeconds: Int64 = 1024

  /// The second that is being counted.
  private var second: Int64 = 0
  private var count = 0
  private var average = 0.0
  /// How much of the average comes from seconds that were measured, up to 1.
  private var weight = 0.0

  /// Somebody waits again; the time in which nobody did says nothing.
  mutating func resume(at now: Timestamp) {
    self.second = now.wholeSeconds
    self.count = 0
  }

  mutating func admitted(at now: Timestamp) {
    self.advance(to: now.wholeSeconds)
    self.count += 1
  }

  /// nil when no whole second has been measured.
  mutating func perSecond(at now: Timestamp) -> Double? {
    self.advance(to: now.wholeSeconds)
    return self.weight > 0 ? self.average / self.weight : nil
  }

  private mutating func advance(to second: Int64) {
    guard second > self.second else { return }
    for _ in 0..<min(second - self.second, Self.memorySeconds) {
      self.average += Self.newest * (Double(self.count) - self.average)
      self.weight += Self.newest * (1 - self.weight)
      self.count = 0
    }
    self.second = second
  }
}

extension Timestamp {
  /// Seconds since 1970 that are over.
  var wholeSeconds: Int64 { self.microseconds / 1_000_000 }

  /// The first whole second that is not before this moment.
  var nextWholeSecond: Int64 { (self.microseconds + 999_999) / 1_000_000 }
}
