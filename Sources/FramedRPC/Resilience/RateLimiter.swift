public import NIOCore
import Synchronization

/// What a rate limiter has done and holds now.
public struct RateLimitStatistics: Hashable, Sendable {
  /// nil: everybody may go on.
  public var policy: RateLimitPolicy?
  /// Callers that are remembered.
  public var keys = 0

  // Since the start.

  public var granted = 0
  public var refused = 0

  public init() {}
}

/// A token bucket for each caller, as a state machine, for a bounded number of callers.
///
/// Two generations of half of the keys each: a key that is asked for moves to the young one; when
/// that is full it becomes the old one, and what the old one still held is forgotten. So a caller
/// is remembered for at least half of the bound's worth of other callers, and forgetting never
/// costs anybody anything: it gives a full bucket back.
package struct RateLimiterState<Key: Hashable & Sendable>: Sendable {
  private var young: [Key: TokenBucket] = [:]
  private var old: [Key: TokenBucket] = [:]
  private let halfOfKeys: Int
  private var counted = RateLimitStatistics()

  /// - Parameter maxKeys: 2 or more.
  package init(policy: RateLimitPolicy?, maxKeys: Int) {
    precondition(maxKeys >= 2, "a limiter remembers two callers at least")
    self.counted.policy = policy
    self.halfOfKeys = maxKeys / 2
  }

  package var policy: RateLimitPolicy? {
    get { self.counted.policy }
    set {
      self.counted.policy = newValue
      // Whoever has run dry by another rate begins anew by this one.
      self.young = [:]
      self.old = [:]
    }
  }

  package var statistics: RateLimitStatistics {
    var statistics = self.counted
    statistics.keys = self.young.count + self.old.count
    return statistics
  }

  /// A caller wants to go on.
  ///
  /// - Returns: nil when it may; else when it will.
  package mutating func take(_ key: Key, now: NIODeadline) -> TimeAmount? {
    guard let policy = self.counted.policy else { return nil }
    if self.young[key] == nil {
      if self.young.count >= self.halfOfKeys {
        self.old = self.young
        self.young = [:]
      }
      self.young[key] = self.old.removeValue(forKey: key) ?? TokenBucket(policy, now: now)
    }
    // In its place: a copy of the bucket would have to be put back.
    let wait = self.young[key]?.take(policy, now: now)
    if wait == nil {
      self.counted.granted += 1
    } else {
      self.counted.refused += 1
    }
    return wait
  }
}

/// How fast each caller may go on.
public final class RateLimiter: Sendable {
  /// Callers that are remembered, unless it is told otherwise.
  public static let standardMaxKeys = 16_384

  private let state: Mutex<RateLimiterState<String>>
  private let now: @Sendable () -> NIODeadline

  /// - Parameters:
  ///   - policy: nil: everybody may go on.
  ///   - maxKeys: how many callers are remembered, 2 or more.
  ///   - now: the clock, so that a test can move it.
  public init(
    policy: RateLimitPolicy?, maxKeys: Int = RateLimiter.standardMaxKeys,
    now: @escaping @Sendable () -> NIODeadline = { NIODeadline.now() }
  ) {
    self.state = Mutex(RateLimiterState(policy: policy, maxKeys: maxKeys))
    self.now = now
  }

  /// - Returns: nil when the caller may go on; else how long it should wait.
  public func take(_ caller: @autoclosure () -> String) -> Duration? {
    guard self.policy != nil else { return nil }
    let caller = caller()
    let now = self.now()
    return self.state.withLock { $0.take(caller, now: now) }.map { .nanoseconds($0.nanoseconds) }
  }

  /// nil: everybody may go on. Another one holds from the moment it is set.
  public var policy: RateLimitPolicy? {
    get { self.state.withLock { $0.policy } }
    set { self.state.withLock { $0.policy = newValue } }
  }

  public var statistics: RateLimitStatistics { self.state.withLock { $0.statistics } }
}
