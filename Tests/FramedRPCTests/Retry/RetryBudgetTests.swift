import FramedRPC
import NIOCore
import Testing

@Suite("Retry budget")
struct RetryBudgetTests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private static func budget(_ policy: RetryBudgetPolicy) -> RetryBudgetState {
    RetryBudgetState(policy: policy, now: Self.start)
  }

  /// Withdraws until there is nothing left, and says how often that went well.
  private static func drain(_ budget: inout RetryBudgetState, now: NIODeadline) -> Int {
    var count = 0
    while budget.withdraw(now: now) { count += 1 }
    return count
  }

  @Test(
    "every fifth call pays for one retry", arguments: [(4, 0), (5, 1), (9, 1), (10, 2), (500, 100)])
  func ratio(_ calls: Int, _ retries: Int) {
    var budget = Self.budget(RetryBudgetPolicy(perSecond: 0))
    for _ in 0..<calls { budget.callMade(now: Self.start) }
    #expect(budget.retriesLeft(now: Self.start) == retries)
    #expect(Self.drain(&budget, now: Self.start) == retries)
    #expect(budget.retriesLeft(now: Self.start) == 0)
  }

  @Test("a client without calls has ten retries a second, for its window")
  func reserve() {
    var budget = Self.budget(RetryBudgetPolicy())
    #expect(Self.drain(&budget, now: Self.start) == 100)
    #expect(Self.drain(&budget, now: Self.start + .seconds(8)) == 0)
    #expect(Self.drain(&budget, now: Self.start + .seconds(10)) == 100, "forgotten after 10 s")
  }

  @Test("what calls have paid in expires after the window")
  func expiry() {
    var budget = Self.budget(RetryBudgetPolicy(perSecond: 0))
    for _ in 0..<100 { budget.callMade(now: Self.start) }
    #expect(budget.retriesLeft(now: Self.start + .seconds(8)) == 20)
    #expect(budget.retriesLeft(now: Self.start + .seconds(10)) == 0)
    #expect(budget.retriesLeft(now: Self.start + .hours(10)) == 0)
  }

  @Test("no budget, no retry")
  func none() {
    var budget = Self.budget(.none)
    for _ in 0..<1000 { budget.callMade(now: Self.start) }
    let isPaid = budget.withdraw(now: Self.start)
    #expect(!isPaid)
  }

  @Test("1,000 calls a second that all fail: 20 % and 10 a second are tried again")
  func sustained() {
    var budget = Self.budget(RetryBudgetPolicy())
    var now = Self.start
    var retries: [Int] = []
    for second in 0..<60 {
      retries.append(0)
      for _ in 0..<1000 {
        budget.callMade(now: now)
        if budget.withdraw(now: now) { retries[second] += 1 }
        now = now + .milliseconds(1)
      }
    }
    // 0.2 × 1,000 + 10 a second, over any ten seconds once the first are over.
    for tenSeconds in stride(from: 10, to: 60, by: 10) {
      let sum = retries[tenSeconds..<tenSeconds + 10].reduce(0, +)
      #expect(abs(sum - 2100) <= 21, "seconds \(tenSeconds) to \(tenSeconds + 9): \(sum)")
    }
    #expect(retries.reduce(0, +) <= 60_000 / 5 + 700)
  }
}
