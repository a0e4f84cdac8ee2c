import NIOCore

/// When a dependency counts as broken, and how it is tried again.
public struct CircuitBreakerPolicy: Hashable, Sendable {
  /// The last outcomes that are looked at, in calls, 1 or more; nil: however many …
  public var windowCalls: Int?
  /// … and how old they may be, above 0; nil: however old. One of the two at least is set; a window
  /// of time alone forgets in steps of a tenth of it.
  public var windowTime: Duration?
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
  /// … up to this. Probes that have not come back by then are replaced: a call without a deadline may
  /// never end.
  public var maxOpenTime: Duration
  /// How many calls may probe a half-open circuit at once, 1 or more; so many must succeed before one
  /// fails. A stream has succeeded when it is open.
  public var probes: Int

  public init(
    windowCalls: Int? = 100, windowTime: Duration? = .seconds(10), minimumCalls: Int = 20,
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
    precondition(self.windowCalls ?? 1 >= 1, "a window of no calls has no verdict")
    precondition(self.windowTime ?? .seconds(1) > .zero, "a window of no time has no verdict")
    precondition(
      self.windowCalls != nil || self.windowTime != nil, "a window has calls, a time or both")
    precondition(
      self.minimumCalls <= self.windowCalls ?? Int.max,
      "a window that is smaller than the minimum never has a verdict")
    precondition(self.probes >= 1, "without a probe a circuit would never close again")
  }
}

/// Who decides whether a circuit lets calls through.
public enum CircuitMode: String, Hashable, Sendable, CaseIterable {
  /// What the calls of late came to.
  case automatic
  /// An operator: no call goes through, not even a probe. Polly calls it isolated.
  case forcedOpen = "forced-open"
  /// An operator: every call goes through, whatever becomes of it. Outcomes are still counted.
  case forcedClosed = "forced-closed"
}

/// A circuit breaker as a state machine that only decides: closed, open, half-open (Nygard,
/// "Release It!"; the rates, the slow calls and the kinds of windows are resilience4j's).
package struct CircuitBreakerState: Sendable {
  package enum Phase: Equatable, Sendable {
    case closed
    case open(until: NIODeadline)
    case halfOpen
  }

  package enum Admission: Equatable, Sendable {
    /// Go ahead; report the outcome with this ticket.
    case allowed(Ticket)
    /// Fail fast; asking again is worth while after this time. Zero: when a probe has succeeded, or
    /// an operator lets calls through.
    case refused(retryAfter: TimeAmount)
  }

  /// Ties an outcome to the period in which its call was admitted: the outcome of a call from
  /// before the circuit opened says nothing about now.
  package struct Ticket: Equatable, Sendable {
    fileprivate let period: Int
    /// Of the probes, see ``replaceProbes(now:)``.
    fileprivate let round: Int
    /// Whether it is that of a probe that is counted already: a stream that is open.
    fileprivate var hasSucceeded = false
  }

  package enum Outcome: Equatable, Sendable {
    case success
    case failure
    /// Says nothing about the dependency: the caller left.
    case ignored
  }

  package private(set) var phase = Phase.closed
  package private(set) var mode = CircuitMode.automatic
  /// Calls that it did not let through, since it was made.
  package private(set) var refusedCalls = 0
  private let policy: CircuitBreakerPolicy
  private var window: OutcomeWindow
  package private(set) var failuresInARow = 0
  /// Up to the policy's `minimumCalls`.
  private var goodInARow = 0
  private var period = 0
  /// In a row, without enough good calls between.
  package private(set) var timesOpened = 0
  private var probesAdmitted = 0
  private var probesSucceeded = 0
  private var lastProbe = NIODeadline.uptimeNanoseconds(0)
  /// How often probes were replaced.
  private var round = 0

  package init(policy: CircuitBreakerPolicy) {
    policy.check()
    self.policy = policy
    self.window = OutcomeWindow(calls: policy.windowCalls, time: policy.windowTime)
  }

  /// The outcomes that a verdict would look at.
  package mutating func counts(now: NIODeadline) -> OutcomeCounts { self.window.counts(now: now) }

  /// Takes the decision away from the calls, or gives it back: then all begins anew, closed and with
  /// an empty window. The outcomes of calls from before do not count any more.
  package mutating func setMode(_ mode: CircuitMode) {
    guard mode != self.mode else { return }
    self.mode = mode
    self.timesOpened = 0
    self.enter(mode == .forcedOpen ? .open(until: .distantFuture) : .closed)
  }

  /// - Parameter mayProbe: whether the call may be one that tries a broken dependency; if not, only
  ///   a closed circuit lets it through.
  package mutating func admit(now: NIODeadline, mayProbe: Bool = true) -> Admission {
    if case .open(let until) = self.phase {
      guard self.mode == .automatic else { return self.refuse(retryAfter: .zero) }
      guard now >= until else { return self.refuse(retryAfter: until - now) }
      guard mayProbe else { return self.refuse(retryAfter: .zero) }
      self.enter(.halfOpen)
    }
    if self.phase == .halfOpen {
      guard mayProbe, self.probesAdmitted < self.policy.probes || self.replaceProbes(now: now)
      else {
        // The probes will have answered within a slow call's time.
        return self.refuse(retryAfter: self.policy.slowCall.map { TimeAmount($0) } ?? .zero)
      }
      self.probesAdmitted += 1
      self.lastProbe = now
    }
    return .allowed(Ticket(period: self.period, round: self.round))
  }

  /// Gives the places of probes that have not come back to others, when they have had their time:
  /// without that, one call that never ends would keep the circuit half-open for ever. What they come
  /// to counts nevertheless: calls may take longer than the circuit is ever open.
  ///
  /// - Returns: whether there is a place now.
  private mutating func replaceProbes(now: NIODeadline) -> Bool {
    guard now - self.lastProbe >= TimeAmount(self.policy.maxOpenTime) else { return false }
    self.probesAdmitted = self.probesSucceeded
    self.round += 1
    return true
  }

  private mutating func refuse(retryAfter: TimeAmount) -> Admission {
    self.refusedCalls += 1
    return .refused(retryAfter: retryAfter)
  }

  /// The call is a stream, and it is open: with that a probe has succeeded, for its end may never
  /// come. If it fails before the circuit is closed, that is opened all the same.
  ///
  /// - Parameter duration: how long it took to open.
  /// - Returns: the ticket to record its end with.
  package mutating func opened(
    _ ticket: Ticket, took duration: TimeAmount, now: NIODeadline
  ) -> Ticket {
    guard self.phase == .halfOpen, ticket.period == self.period else { return ticket }
    self.record(.success, took: duration, ticket: ticket, now: now)
    var ticket = ticket
    ticket.hasSucceeded = true
    return ticket
  }

  package mutating func record(
    _ outcome: Outcome, took duration: TimeAmount, ticket: Ticket, now: NIODeadline
  ) {
    guard ticket.period == self.period else { return }
    let isSlow = self.policy.slowCall.map { duration > TimeAmount($0) } ?? false
    switch self.phase {
    case .closed where outcome != .ignored:
      let outcome = OutcomeWindow.Outcome(isFailure: outcome == .failure, isSlow: isSlow)
      self.remember(outcome, now)
      // A call that went well breaks nothing.
      guard self.mode == .automatic, outcome.isFailure || outcome.isSlow else { return }
      if self.isBroken(now: now) { self.open(now: now) }
    case .halfOpen:
      self.recordProbe(outcome, isSlow: isSlow, ticket, now: now)
    case .closed, .open:
      break
    }
  }

  private mutating func recordProbe(
    _ outcome: Outcome, isSlow: Bool, _ ticket: Ticket, now: NIODeadline
  ) {
    switch outcome {
    case .success where ticket.hasSucceeded: break
    case .ignored:
      guard !ticket.hasSucceeded, ticket.round == self.round else { return }
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

  private mutating func remember(_ outcome: OutcomeWindow.Outcome, _ now: NIODeadline) {
    self.failuresInARow = outcome.isFailure ? self.failuresInARow + 1 : 0
    if outcome.isFailure || outcome.isSlow {
      self.goodInARow = 0
    } else if self.goodInARow < self.policy.minimumCalls {
      self.goodInARow += 1
      // A probe may be lighter than what it stands for: only real calls prove the recovery, and
      // until then the circuit opens for longer each time.
      if self.goodInARow == self.policy.minimumCalls { self.timesOpened = 0 }
    }
    self.window.add(outcome, now: now)
  }

  private mutating func isBroken(now: NIODeadline) -> Bool {
    if let limit = self.policy.failuresInARow, self.failuresInARow >= limit { return true }
    let counts = self.window.counts(now: now)
    guard counts.calls >= self.policy.minimumCalls else { return false }
    let calls = Double(counts.calls)
    return Double(counts.failures) >= self.policy.failureRate * calls
      || Double(counts.slow) >= self.policy.slowCallRate * calls
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
    self.window.removeAll()
    self.failuresInARow = 0
    self.goodInARow = 0
    self.probesAdmitted = 0
    self.probesSucceeded = 0
  }
}
