package import NIOCore

/// How many retries and hedges a client may make for the calls it makes.
///
/// Finagle's retry budget with Finagle's numbers: 20 % of the calls of the last 10 s, and 10 a
/// second on top for clients that make few. One budget pays for retries and hedges alike, so that a
/// server in trouble never gets more than 1.2 times the calls of a busy client.
public struct RetryBudgetPolicy: Hashable, Sendable {
  /// Retries for each call made, 0 or more.
  public var ratio: Double
  /// Retries a second besides, 0 or more, so that a client with few calls can retry at all.
  public var perSecond: Int
  /// How long a call's share may be used, and how long a retry weighs, 1 to 60 s.
  public var window: Duration

  public init(ratio: Double = 0.2, perSecond: Int = 10, window: Duration = .seconds(10)) {
    self.ratio = ratio
    self.perSecond = perSecond
    self.window = window
    self.check()
  }

  /// No retry that costs anything.
  public static let none = RetryBudgetPolicy(ratio: 0, perSecond: 0)

  fileprivate func check() {
    precondition((0...1000).contains(self.ratio), "a budget is 0 to 1000 retries a call")
    precondition(self.perSecond >= 0, "a budget cannot have fewer than no retries a second")
    precondition(
      self.window >= .seconds(1) && self.window <= .seconds(60),
      "a budget looks back for 1 to 60 s")
  }
}

/// A retry budget as a state machine: deposits and withdrawals of the last ``RetryBudgetPolicy``
/// window, in ten slices, on top of a reserve of `perSecond` × window.
///
/// The algorithm is that of Finagle's `RetryBudget` on a `TokenBucket.newLeakyBucket`: a withdrawal
/// is forgotten after the window as a deposit is, and so the reserve comes back.
package struct RetryBudgetState: Sendable {
  private static let sliceCount = 10
  /// Of one retry, so that the sums are exact.
  private static let unitsPerRetry: Int64 = 1000

  private let deposit: Int64
  private let reserve: Int64
  private let sliceLength: TimeAmount
  private var slices = [Int64](repeating: 0, count: Self.sliceCount)
  private var sum: Int64 = 0
  private var current = 0
  private var currentEnd: NIODeadline

  package init(policy: RetryBudgetPolicy, now: NIODeadline) {
    policy.check()
    let window = TimeAmount(policy.window)
    self.deposit = Int64((policy.ratio * Double(Self.unitsPerRetry)).rounded())
    self.reserve =
      Int64(policy.perSecond) * Self.unitsPerRetry * window.nanoseconds / 1_000_000_000
    self.sliceLength = .nanoseconds(window.nanoseconds / Int64(Self.sliceCount))
    self.currentEnd = now + self.sliceLength
  }

  /// A call was made (not a retry of one).
  package mutating func callMade(now: NIODeadline) {
    self.advance(to: now)
    self.add(self.deposit)
  }

  /// Takes what one retry costs; nothing when there is not enough.
  package mutating func withdraw(now: NIODeadline) -> Bool {
    self.advance(to: now)
    guard self.reserve + self.sum >= Self.unitsPerRetry else { return false }
    self.add(-Self.unitsPerRetry)
    return true
  }

  /// Retries that could be made now.
  package mutating func retriesLeft(now: NIODeadline) -> Int {
    self.advance(to: now)
    return Int(max(0, (self.reserve + self.sum) / Self.unitsPerRetry))
  }

  private mutating func add(_ units: Int64) {
    self.slices[self.current] += units
    self.sum += units
  }

  /// Forgets the slices that are over the window's age.
  private mutating func advance(to now: NIODeadline) {
    guard now >= self.currentEnd else { return }
    let passed = (now - self.currentEnd).nanoseconds / self.sliceLength.nanoseconds + 1
    for _ in 0..<min(passed, Int64(Self.sliceCount)) {
      self.current = (self.current + 1) % Self.sliceCount
      self.sum -= self.slices[self.current]
      self.slices[self.current] = 0
    }
    self.currentEnd = self.currentEnd + .nanoseconds(self.sliceLength.nanoseconds * passed)
  }
}
