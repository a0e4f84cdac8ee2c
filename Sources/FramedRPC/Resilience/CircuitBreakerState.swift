import NIOCore

/// When a dependency counts as broken, and how it is tried again.
public struct CircuitBreakerPolicy: Hashable, Sendable {
  /// The last outcomes that are looked at, in calls, 1 or more …
  public var windowCalls: Int
  /// … and how old they may be.
  public var windowTime: Duration
  /// No verdict on fewer outcomes than this.
  public var minimumCalls: Int
  /// Opens at this share of failures, 0...1.
  public var failureRate: Double
  /// Opens after so many failures with no success between them, whatever the window holds: a server
  /// that was busy a moment ago and hangs now has a window full of successes. Finagle's failure
  /// accrual does the same, with 5 too. nil: only the window counts.
  public var failuresInARow: Int?
  /// A call that takes longer is slow, also when it succeeds; nil means that no call is slow.
  public var slowCall: Duration?
  /// Opens at this share of slow calls, 0...1.
  public var slowCallRate: Double
  /// How long it stays open the first time; doubles each time it opens again before `minimumCalls`
  /// calls in a row went well …
  public var firstOpenTime: Duration
  /// … up to this.
  public var maxOpenTime: Duration
  /// How many calls may probe a half-open circuit, 1 or more; all must succeed.
  public var probes: Int

  public init(
    windowCalls: Int = 100, windowTime: Duration = .seconds(10), minimumCalls: Int = 20,
    failureRate: Double = 0.5, failuresInARow: Int? = 5, slowCall: Duration? = .seconds(1),
    slowCallRate: Double = 0.5,
    firstOpenTime: Duration = .seconds(1), maxOpenTime: Duration = .seconds(30),
    probes: Int = 3
  ) {
    self.windowCalls = windowCalls
    self.windowTime = windowTime
    self.minimumCalls = minimumCalls
    self.failureRate = failureRate
    self.failuresInARow = failuresInARow
    self.slowCall = slowCall
    self.slowCallRate = slowCallRate
    self.firstOpenTime = firstOpenTime
    self.maxOpenTime = maxOpenTime
    self.probes = probes
    self.check()
  }

  fileprivate func check() {
    precondition(self.windowCalls >= 1, "a window of no calls has no verdict")
    precondition(self.probes >= 1, "without a probe a circuit would never close again")
  }
}

/// A circuit breaker as a state machine that only decides: closed, open, half-open (Nygard,
/// "Release It!"; the rates and the slow calls are resilience4j's).
package struct CircuitBreakerState {
  package enum Phase: Equatable, Sendable {
    case closed
    case open(until: NIODeadline)
    case halfOpen
  }

  package enum Admission: Equatable, Sendable {
    /// Go ahead; report the outcome with this ticket.
    case allowed(Ticket)
    /// Fail fast; asking again is worth while after this time. Zero: when a probe has succeeded.
    case refused(retryAfter: TimeAmount)
  }

  /// Ties an outcome to the period in which its call was admitted: the outcome of a call from
  /// before the circuit opened says nothing about now.
  package struct Ticket: Equatable, Sendable {
    fileprivate let period: Int
  }

  package enum Outcome: Equatable, Sendable {
    case success
    case failure
    /// Says nothing about the dependency: the caller left.
    case ignored
  }

  private struct Record {
    let time: NIODeadline
    let isFailure: Bool
    let isSlow: Bool
  }

  package private(set) var phase = Phase.closed
  private let policy: CircuitBreakerPolicy
  /// A ring: the oldest record is at `next` when it is full.
  private var records: [Record] = []
  private var next = 0
  private var failuresInARow = 0
  /// Up to the policy's `minimumCalls`.
  private var goodInARow = 0
  private var period = 0
  private var timesOpened = 0
  private var probesAdmitted = 0
  private var probesSucceeded = 0

  package init(policy: CircuitBreakerPolicy) {
    policy.check()
    self.policy = policy
  }

  /// - Parameter mayProbe: whether the call may be one that tries a broken dependency; if not, only
  ///   a closed circuit lets it through.
  package mutating func admit(now: NIODeadline, mayProbe: Bool = true) -> Admission {
    if case .open(let until) = self.phase {
      guard now >= until else { return .refused(retryAfter: until - now) }
      guard mayProbe else { return .refused(retryAfter: .zero) }
      self.enter(.halfOpen)
    }
    if self.phase == .halfOpen {
      guard mayProbe, self.probesAdmitted < self.policy.probes else {
        // The probes will have answered within a slow call's time.
        return .refused(retryAfter: self.policy.slowCall.map { TimeAmount($0) } ?? .zero)
      }
      self.probesAdmitted += 1
    }
    return .allowed(Ticket(period: self.period))
  }

  package mutating func record(
    _ outcome: Outcome, took duration: TimeAmount, ticket: Ticket, now: NIODeadline
  ) {
    guard ticket.period == self.period else { return }
    let isSlow = self.policy.slowCall.map { duration > TimeAmount($0) } ?? false
    switch self.phase {
    case .closed where outcome != .ignored:
      let record = Record(time: now, isFailure: outcome == .failure, isSlow: isSlow)
      self.remember(record)
      // A call that went well breaks nothing: no need to count the window.
      if record.isFailure || record.isSlow, self.isBroken(now: now) {
        self.open(now: now)
      }
    case .halfOpen:
      self.recordProbe(outcome, isSlow: isSlow, now: now)
    case .closed, .open:
      break
    }
  }

  private mutating func recordProbe(_ outcome: Outcome, isSlow: Bool, now: NIODeadline) {
    switch outcome {
    case .ignored:
      self.probesAdmitted -= 1
    case .success where !isSlow:
      self.probesSucceeded += 1
      if self.probesSucceeded >= self.policy.probes {
        self.enter(.closed)
      }
    case .success, .failure:
      self.open(now: now)
    }
  }

  private mutating func remember(_ record: Record) {
    self.failuresInARow = record.isFailure ? self.failuresInARow + 1 : 0
    if record.isFailure || record.isSlow {
      self.goodInARow = 0
    } else if self.goodInARow < self.policy.minimumCalls {
      self.goodInARow += 1
      // A probe may be lighter than what it stands for: only real calls prove the recovery, and
      // until then the circuit opens for longer each time.
      if self.goodInARow == self.policy.minimumCalls { self.timesOpened = 0 }
    }
    if self.records.count < self.policy.windowCalls {
      self.records.append(record)
    } else {
      self.records[self.next] = record
      self.next = (self.next + 1) % self.policy.windowCalls
    }
  }

  private func isBroken(now: NIODeadline) -> Bool {
    if let limit = self.policy.failuresInARow, self.failuresInARow >= limit { return true }
    let oldest = now - TimeAmount(self.policy.windowTime)
    var calls = 0
    var failures = 0
    var slow = 0
    for record in self.records where record.time >= oldest {
      calls += 1
      failures += record.isFailure ? 1 : 0
      slow += record.isSlow ? 1 : 0
    }
    guard calls >= self.policy.minimumCalls else { return false }
    return Double(failures) >= self.policy.failureRate * Double(calls)
      || Double(slow) >= self.policy.slowCallRate * Double(calls)
  }

  private mutating func open(now: NIODeadline) {
    let doublings = min(self.timesOpened, 16)
    let time = min(
      self.policy.firstOpenTime * (1 << doublings), self.policy.maxOpenTime)
    self.timesOpened += 1
    self.enter(.open(until: now + TimeAmount(time)))
  }

  private mutating func enter(_ phase: Phase) {
    self.phase = phase
    self.period += 1
    self.records.removeAll(keepingCapacity: true)
    self.next = 0
    self.failuresInARow = 0
    self.goodInARow = 0
    self.probesAdmitted = 0
    self.probesSucceeded = 0
  }
}
