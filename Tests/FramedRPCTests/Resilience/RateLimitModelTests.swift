import FramedRPC
import NIOCore
import Testing

/// Token buckets beside a model that adds up what each caller has taken.
@Suite("A rate limiter and its model")
struct RateLimitModelTests {
  /// The tokens of one caller as a fraction of whole numbers: `shares` / `per` in nanoseconds.
  private struct Model {
    private struct Bucket {
      var shares: Int
      var time: NIODeadline
    }

    let policy: RateLimitPolicy
    private let per: Int
    private var buckets: [Int: Bucket] = [:]

    init(policy: RateLimitPolicy) {
      self.policy = policy
      self.per = Int(TimeAmount(policy.per).nanoseconds)
    }

    /// - Parameter isGranted: whether it was, whatever is due: then it may run into debt.
    mutating func take(_ key: Int, now: NIODeadline, isGranted: Bool = false) -> TimeAmount? {
      let full = self.policy.burst * self.per
      var bucket = self.buckets[key] ?? Bucket(shares: full, time: now)
      let passed = Int((now - bucket.time).nanoseconds)
      bucket.shares = min(full, bucket.shares + passed * self.policy.permits)
      bucket.time = now
      defer { self.buckets[key] = bucket }
      if bucket.shares >= self.per {
        bucket.shares -= self.per
        return nil
      }
      if isGranted { bucket.shares -= self.per }
      var wait = (self.per - bucket.shares) / self.policy.permits
      if bucket.shares + wait * self.policy.permits < self.per { wait += 1 }
      return .nanoseconds(Int64(wait))
    }
  }

  private static func policy(_ random: inout SplitMix) -> RateLimitPolicy {
    RateLimitPolicy(
      permits: 1 + random.below(30), per: .microseconds(1 + random.below(100_000)),
      burst: 1 + random.below(12))
  }

  @Test("grant and refuse the same in every random history", arguments: [1, 2] as [UInt64])
  func agree(seed: UInt64) {
    var random = SplitMix(state: seed)
    for _ in 0..<(modelOperations / 2 / 500) {
      let policy = Self.policy(&random)
      var now = NIODeadline.uptimeNanoseconds(60_000_000_000)
      // Room for all keys: nothing is forgotten.
      var state = RateLimiterState<Int>(policy: policy, maxKeys: 40)
      var model = Model(policy: policy)
      var refused = 0
      for step in 0..<500 {
        now = now + random.time()
        let key = random.below(20)
        let wait = state.take(key, now: now)
        if wait != nil { refused += 1 }
        guard wait == model.take(key, now: now) else {
          Issue.record("seed \(seed), step \(step) of \(policy)")
          return
        }
      }
      let statistics = state.statistics
      #expect(statistics.refused == refused)
      #expect(statistics.granted == 500 - refused)
    }
  }

  @Test("with more callers than it remembers it keeps its bound, and never refuses more than due")
  func bounded() {
    var random = SplitMix(state: 7)
    let policy = RateLimitPolicy(permits: 1, per: .seconds(1), burst: 2)
    var now = NIODeadline.uptimeNanoseconds(60_000_000_000)
    var state = RateLimiterState<Int>(policy: policy, maxKeys: 64)
    var model = Model(policy: policy)
    var isForgetful = false
    for _ in 0..<(modelOperations / 4) {
      now = now + .milliseconds(1)
      let key = random.below(random.below(2) == 0 ? 8 : 1_000)
      let wait = state.take(key, now: now)
      let due = model.take(key, now: now, isGranted: wait == nil)
      guard state.statistics.keys <= 64, wait == nil || due != nil else {
        Issue.record("\(state.statistics.keys) keys, \(String(describing: wait))")
        return
      }
      isForgetful = isForgetful || wait == nil && due != nil
    }
    #expect(isForgetful, "or the test has not reached the bound")
  }
}
