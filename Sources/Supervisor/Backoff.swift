/// How long to wait before the next attempt: twice as long each time, up to a limit.
package struct Backoff: Hashable, Sendable {
  private let initial: Duration
  private let max: Duration
  private var next: Duration

  package init(initial: Duration = .milliseconds(100), max: Duration = .seconds(5)) {
    self.initial = initial
    self.max = max
    self.next = initial
  }

  /// The wait before this attempt.
  package mutating func delay() -> Duration {
    defer { self.next = min(self.next * 2, self.max) }
    return self.next
  }

  package mutating func reset() {
    self.next = self.initial
  }
}
