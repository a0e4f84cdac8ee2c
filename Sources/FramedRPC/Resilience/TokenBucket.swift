package import NIOCore

/// How fast somebody may go on: `permits` each `per`, and `burst` at once after a rest.
public struct RateLimitPolicy: Hashable, Sendable {
  /// 1 or more …
  public var permits: Int
  /// … in this time, 1 ns to 24 h.
  public var per: Duration
  /// 1 or more, and up to a million.
  public var burst: Int

  public init(permits: Int, per: Duration = .seconds(1), burst: Int) {
    self.permits = permits
    self.per = per
    self.burst = burst
    precondition(self.isValid, "a rate has permits, a time and a burst, within their bounds")
  }

  /// Whether every number is within its bounds.
  package var isValid: Bool {
    (1...1_000_000).contains(self.permits) && (1...1_000_000).contains(self.burst)
      && self.per >= .nanoseconds(1) && self.per <= .seconds(86_400)
  }
}

/// A token bucket as a state machine: full at the beginning, `permits` tokens run in each `per`, and
/// what is above `burst` runs over.
///
/// Exact: it counts in shares of a token, as many to one as `per` has nanoseconds, and each
/// nanosecond brings `permits` of them. A million tokens of a day each are more shares than an Int64
/// holds.
package struct TokenBucket: Sendable {
  private var shares: Int128
  private var filled: NIODeadline

  package init(_ policy: RateLimitPolicy, now: NIODeadline) {
    self.shares = policy.capacity
    self.filled = now
  }

  /// Takes one token.
  ///
  /// - Returns: nil when there was one; else when there will be.
  package mutating func take(_ policy: RateLimitPolicy, now: NIODeadline) -> TimeAmount? {
    self.fill(policy, now)
    let missing = policy.sharesPerToken - self.shares
    guard missing > 0 else {
      self.shares -= policy.sharesPerToken
      return nil
    }
    let permits = Int128(policy.permits)
    return .nanoseconds(Int64((missing + permits - 1) / permits))
  }

  private mutating func fill(_ policy: RateLimitPolicy, _ now: NIODeadline) {
    // A clock that is read before the lock may be a little behind.
    if now > self.filled {
      let nanoseconds = Int128((now - self.filled).nanoseconds)
      self.shares += nanoseconds * Int128(policy.permits)
      self.filled = now
    }
    self.shares = min(self.shares, policy.capacity)
  }
}

extension RateLimitPolicy {
  fileprivate var sharesPerToken: Int128 { Int128(TimeAmount(self.per).nanoseconds) }
  fileprivate var capacity: Int128 { self.sharesPerToken * Int128(self.burst) }
}
