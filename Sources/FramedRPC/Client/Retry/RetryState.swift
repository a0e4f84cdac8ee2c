package import NIOCore

extension RPCError {
  /// The call reached no server that takes calls: it could not connect, or the server was going
  /// away. Sending it to another server is no retry: nobody has worked on it (gRFC A6 calls that a
  /// transparent retry).
  package var foundNoServer: Bool {
    self.status == .unavailable && self.notProcessed && self.reason == nil
      && RetryPushback(self) == nil
  }

  /// Whether the same call may be made again without doing something twice or in vain.
  ///
  /// - Parameter statuses: what an idempotent method is tried again after.
  package func mayBeRetried(isIdempotent: Bool, statuses: Set<RPCStatus>) -> Bool {
    switch RetryPushback(self) {
    case .never: return false
    case .after: break
    case nil:
      // The service has explained itself, and would do so again.
      guard self.reason == nil || self.notProcessed else { return false }
    }
    switch self.status {
    case .unavailable, .resourceExhausted:
      return self.notProcessed || isIdempotent && statuses.contains(self.status)
    case .ok, .cancelled: return false
    default: return isIdempotent && statuses.contains(self.status)
    }
  }
}

/// The attempts of one call, as a state machine that only decides.
package struct RetryState {
  package enum Decision: Equatable, Sendable {
    /// Try again after this time, if the budget has a retry left.
    case retry(after: TimeAmount)
    case giveUp
  }

  private let retry: RetryPolicy?
  private let isIdempotent: Bool
  private let deadline: NIODeadline?
  /// The attempts that were made, the first included.
  package private(set) var attempts = 1
  /// The retries since a server last said how long to wait; its word begins the backoff anew.
  private var step = 0

  /// - Parameter isChained: whether the call is made while another client's retry is answered.
  package init(policy: MethodPolicy, isChained: Bool, deadline: NIODeadline?) {
    self.retry = isChained ? nil : policy.retry
    self.isIdempotent = policy.isIdempotent
    self.deadline = deadline
  }

  /// An attempt failed. When the answer is to retry, the next attempt counts as made.
  ///
  /// - Parameter jitter: random, 0..<1.
  package mutating func failed(
    _ error: RPCError, now: NIODeadline, jitter: Double
  ) -> Decision {
    guard let retry = self.retry, self.attempts < retry.maxAttempts,
      error.mayBeRetried(isIdempotent: self.isIdempotent, statuses: retry.statuses)
    else { return .giveUp }
    let delay: TimeAmount
    if case .after(let pushback) = RetryPushback(error) {
      delay = pushback
      self.step = 0
    } else {
      delay = retry.backoff(step: self.step, jitter: jitter)
      self.step += 1
    }
    // Nobody would be there any more to hear the answer.
    if let deadline = self.deadline, now + delay >= deadline { return .giveUp }
    self.attempts += 1
    return .retry(after: delay)
  }
}

extension RetryPolicy {
  /// - Parameters:
  ///   - step: 0 for the first retry.
  ///   - jitter: random, 0..<1.
  func backoff(step: Int, jitter: Double) -> TimeAmount {
    let limit = Double(TimeAmount(self.maxBackoff).nanoseconds)
    var nanoseconds = Double(TimeAmount(self.firstBackoff).nanoseconds)
    for _ in 0..<step where nanoseconds < limit {
      nanoseconds *= self.multiplier
    }
    return .nanoseconds(Int64(min(nanoseconds, limit) * jitter))
  }
}
