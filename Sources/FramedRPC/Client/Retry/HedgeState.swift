package import NIOCore

/// The attempts of one hedged call, as a state machine that only decides (gRFC A6).
package struct HedgeState {
  package enum Decision: Equatable, Sendable {
    /// Send the next attempt now, if the budget has one left, and set the timer anew.
    case sendNext
    /// Set the timer to this instead.
    case sendNextAfter(TimeAmount)
    /// Other attempts are still on their way.
    case wait
    /// The call has failed; cancel what is on its way.
    case giveUp
  }

  private let hedging: HedgingPolicy
  /// The attempts that were sent, the first included.
  package private(set) var attempts = 1
  package private(set) var outstanding = 1
  /// A server has forbidden more, or the budget was empty.
  private var isStopped: Bool

  /// - Parameter isChained: whether the call is made while another client's retry is answered.
  package init(policy: HedgingPolicy, isChained: Bool) {
    self.hedging = policy
    self.isStopped = isChained
  }

  package var mayHedge: Bool { !self.isStopped && self.attempts < self.hedging.maxAttempts }

  /// The next attempt was sent.
  package mutating func sent() {
    self.attempts += 1
    self.outstanding += 1
  }

  /// The budget has nothing left: no more attempts for this call.
  package mutating func stop() -> Decision {
    self.isStopped = true
    return self.outstanding > 0 ? .wait : .giveUp
  }

  package mutating func timerFired() -> Decision {
    guard self.mayHedge else { return self.outstanding > 0 ? .wait : .giveUp }
    return .sendNext
  }

  package mutating func failed(_ error: RPCError) -> Decision {
    self.outstanding -= 1
    let pushback = RetryPushback(error)
    if pushback == .never { self.isStopped = true }
    let isFatal =
      pushback != .never
      && !error.mayBeRetried(isIdempotent: true, statuses: self.hedging.nonFatalStatuses)
    if isFatal { return .giveUp }
    guard self.mayHedge else { return self.outstanding > 0 ? .wait : .giveUp }
    if case .after(let delay) = pushback { return .sendNextAfter(delay) }
    return .sendNext
  }
}
