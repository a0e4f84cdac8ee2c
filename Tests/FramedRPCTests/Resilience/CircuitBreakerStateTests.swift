import FramedRPC
import NIOCore
import Testing

@Suite("A circuit breaker")
struct CircuitBreakerStateTests {
  private static let policy = CircuitBreakerPolicy(
    windowCalls: 10, windowTime: .seconds(10), minimumCalls: 4, failureRate: 0.5,
    failuresInARow: nil,
    slowCall: .milliseconds(400), slowCallRate: 0.5, firstOpenTime: .seconds(1),
    maxOpenTime: .seconds(4), probes: 2)
  private static let fast = TimeAmount.milliseconds(1)
  private static let slow = TimeAmount.milliseconds(401)

  /// A breaker and a clock that only the test moves.
  private struct Bench {
    var state: CircuitBreakerState
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

    init(_ policy: CircuitBreakerPolicy = CircuitBreakerStateTests.policy) {
      self.state = CircuitBreakerState(policy: policy)
    }

    mutating func call(
      _ outcome: CircuitBreakerState.Outcome, took time: TimeAmount = CircuitBreakerStateTests.fast
    ) {
      guard case .allowed(let ticket) = self.state.admit(now: self.now) else {
        Issue.record("refused")
        return
      }
      self.state.record(outcome, took: time, ticket: ticket, now: self.now)
    }

    /// Asks so often, and returns the tickets of what was let through.
    mutating func admit(_ count: Int, mayProbe: Bool = true) -> [CircuitBreakerState.Ticket] {
      (0..<count).compactMap { _ in
        let admission = self.state.admit(now: self.now, mayProbe: mayProbe)
        return if case .allowed(let ticket) = admission { ticket } else { nil }
      }
    }

    var isRefusing: Bool {
      mutating get {
        if case .refused = self.state.admit(now: self.now) { true } else { false }
      }
    }

    mutating func open() {
      for _ in 0..<4 { self.call(.failure) }
    }
  }

  @Test("stays closed on fewer outcomes than the minimum")
  func waitsForMinimum() {
    var bench = Bench()
    for _ in 0..<3 { bench.call(.failure) }
    #expect(bench.state.phase == .closed)
  }

  @Test("opens on failures in a row, though the window is full of successes")
  func opensOnFailuresInARow() {
    var policy = Self.policy
    policy.windowCalls = 100
    policy.failuresInARow = 3
    var bench = Bench(policy)
    for _ in 0..<100 { bench.call(.success) }
    for outcome in [CircuitBreakerState.Outcome.failure, .failure, .success, .failure, .failure] {
      bench.call(outcome)
    }
    bench.call(.ignored)
    #expect(bench.state.phase == .closed)
    bench.call(.failure)
    #expect(bench.state.phase == .open(until: bench.now + .seconds(1)))
  }

  @Test("probes that succeed while real calls fail do not make it open for a short time again")
  func lightProbes() {
    var bench = Bench()
    for seconds in [1, 2, 4, 4] {
      bench.open()
      #expect(bench.state.phase == .open(until: bench.now + .seconds(Int64(seconds))))
      bench.now = bench.now + .seconds(Int64(seconds))
      for _ in 0..<2 { bench.call(.success) }
      #expect(bench.state.phase == .closed)
    }
    for _ in 0..<4 { bench.call(.success) }
    bench.now = bench.now + .seconds(11)
    bench.open()
    #expect(bench.state.phase == .open(until: bench.now + .seconds(1)))
  }

  @Test("opens when half of the calls fail, and says when to come back")
  func opensOnFailures() {
    var bench = Bench()
    bench.call(.success)
    bench.call(.success)
    bench.call(.failure)
    #expect(bench.state.phase == .closed)
    bench.call(.failure)
    #expect(bench.state.phase == .open(until: bench.now + .seconds(1)))
    bench.now = bench.now + .milliseconds(400)
    #expect(bench.state.admit(now: bench.now) == .refused(retryAfter: .milliseconds(600)))
  }

  @Test("R23: opens when half of the calls are slow, even if they succeed")
  func opensOnSlowCalls() {
    var bench = Bench()
    for _ in 0..<2 { bench.call(.success) }
    for _ in 0..<2 { bench.call(.success, took: Self.slow) }
    #expect(bench.state.phase != .closed)
  }

  @Test("forgets outcomes that are older than its window")
  func forgets() {
    var bench = Bench()
    for _ in 0..<3 { bench.call(.failure) }
    bench.now = bench.now + .seconds(11)
    for _ in 0..<3 { bench.call(.failure) }
    #expect(bench.state.phase == .closed)
    bench.call(.failure)
    #expect(bench.state.phase != .closed)
  }

  @Test("looks at the last calls only")
  func slides() {
    var bench = Bench()
    for _ in 0..<20 { bench.call(.success) }
    for _ in 0..<4 { bench.call(.failure) }
    #expect(bench.state.phase == .closed)
    bench.call(.failure)
    #expect(bench.state.phase != .closed)
  }

  @Test("a caller who left says nothing about the dependency")
  func ignores() {
    var bench = Bench()
    for _ in 0..<20 { bench.call(.ignored) }
    #expect(bench.state.phase == .closed)
  }

  @Test("half-open lets only its probes through, and closes when all of them succeed")
  func probes() {
    var bench = Bench()
    bench.open()
    bench.now = bench.now + .seconds(1)
    guard case .allowed(let first) = bench.state.admit(now: bench.now),
      case .allowed(let second) = bench.state.admit(now: bench.now)
    else {
      Issue.record("no probe")
      return
    }
    let isRefusing = bench.isRefusing
    #expect(isRefusing)
    bench.state.record(.success, took: Self.fast, ticket: first, now: bench.now)
    #expect(bench.state.phase == .halfOpen)
    bench.state.record(.success, took: Self.fast, ticket: second, now: bench.now)
    #expect(bench.state.phase == .closed)
  }

  @Test("who may not probe is refused unless it is closed, and takes no probe away")
  func withoutProbing() {
    var bench = Bench()
    func admit() -> CircuitBreakerState.Admission {
      bench.state.admit(now: bench.now, mayProbe: false)
    }
    guard case .allowed = admit() else {
      Issue.record("refused while closed")
      return
    }
    bench.open()
    #expect(admit() == .refused(retryAfter: .seconds(1)))
    bench.now = bench.now + .seconds(1)
    #expect(admit() == .refused(retryAfter: .zero))
    #expect(bench.state.phase != .halfOpen)
    bench.call(.success)
    #expect(admit() == .refused(retryAfter: .milliseconds(400)))
    bench.call(.success)
    #expect(bench.state.phase == .closed)
  }

  @Test("without a time for slow calls none is slow")
  func noSlowCalls() {
    var policy = Self.policy
    policy.slowCall = nil
    var state = CircuitBreakerState(policy: policy)
    let now = NIODeadline.uptimeNanoseconds(1)
    for _ in 0..<10 {
      guard case .allowed(let ticket) = state.admit(now: now) else {
        Issue.record("refused")
        return
      }
      state.record(.success, took: .hours(1), ticket: ticket, now: now)
    }
    #expect(state.phase == .closed)
  }

  @Test("a failed or slow probe opens it again, for twice as long up to the limit")
  func doubles() {
    var bench = Bench()
    bench.open()
    for seconds in [1, 2, 4, 4] {
      bench.now = bench.now + .seconds(Int64(seconds))
      bench.call(seconds == 2 ? .success : .failure, took: seconds == 2 ? Self.slow : Self.fast)
      let next = min(seconds * 2, 4)
      #expect(bench.state.phase == .open(until: bench.now + .seconds(Int64(next))))
    }
  }

  @Test("a probe whose caller left makes room for another one")
  func returnsProbe() {
    var bench = Bench()
    bench.open()
    bench.now = bench.now + .seconds(1)
    for _ in 0..<5 { bench.call(.ignored) }
    #expect(bench.state.phase == .halfOpen)
    bench.call(.success)
    bench.call(.success)
    #expect(bench.state.phase == .closed)
  }

  // MARK: probes that do not come back

  /// Half-open, with both probes out.
  private static func probing() throws -> (Bench, [CircuitBreakerState.Ticket]) {
    var bench = Bench()
    bench.open()
    bench.now = bench.now + .seconds(1)
    let tickets = bench.admit(3)
    try #require(tickets.count == 2)
    return (bench, tickets)
  }

  @Test("probes that do not come back are replaced after the longest time that it is open")
  func replacesProbes() throws {
    var (bench, _) = try Self.probing()
    bench.now = bench.now + .seconds(4) - .nanoseconds(1)
    let early = bench.admit(1)
    #expect(early.isEmpty)
    bench.now = bench.now + .nanoseconds(1)
    let others = bench.admit(1, mayProbe: false)
    #expect(others.isEmpty)
    let replacing = bench.admit(3)
    #expect(replacing.count == 2, "as many as before, for another four seconds")
    bench.now = bench.now + .seconds(4)
    bench.call(.success)
    bench.call(.success)
    #expect(bench.state.phase == .closed)
  }

  @Test("only those that are missing are replaced")
  func replacesMissing() throws {
    var (bench, tickets) = try Self.probing()
    bench.state.record(.success, took: Self.fast, ticket: tickets[0], now: bench.now)
    bench.now = bench.now + .seconds(4)
    let replacing = bench.admit(2)
    #expect(replacing.count == 1)
  }

  @Test(
    "what replaced probes come to counts, but they have no place to give back",
    arguments: [CircuitBreakerState.Outcome.success, .failure, .ignored])
  func lateProbes(_ outcome: CircuitBreakerState.Outcome) throws {
    var (bench, late) = try Self.probing()
    bench.now = bench.now + .seconds(4)
    let replacing = bench.admit(2)
    try #require(replacing.count == 2)
    bench.state.record(outcome, took: Self.fast, ticket: late[0], now: bench.now)
    let more = bench.admit(1)
    #expect(more.isEmpty)
    bench.state.record(.success, took: Self.fast, ticket: replacing[0], now: bench.now)
    switch outcome {
    case .success: #expect(bench.state.phase == .closed)
    case .failure: #expect(bench.state.phase == .open(until: bench.now + .seconds(2)))
    case .ignored: #expect(bench.state.phase == .halfOpen)
    }
  }

  @Test("the outcome of a call from before it opened does not count")
  func ignoresOldTickets() {
    var bench = Bench()
    guard case .allowed(let old) = bench.state.admit(now: bench.now) else {
      Issue.record("refused")
      return
    }
    bench.open()
    bench.now = bench.now + .seconds(1)
    _ = bench.state.admit(now: bench.now)
    bench.state.record(.failure, took: Self.fast, ticket: old, now: bench.now)
    #expect(bench.state.phase == .halfOpen)
  }

  @Test("calls that go well after closing make it forget how often it had opened")
  func startsAnew() {
    var bench = Bench()
    bench.open()
    bench.now = bench.now + .seconds(1)
    bench.call(.failure)
    bench.now = bench.now + .seconds(2)
    bench.call(.success)
    bench.call(.success)
    #expect(bench.state.phase == .closed)
    for _ in 0..<4 { bench.call(.success) }
    bench.open()
    #expect(bench.state.phase == .open(until: bench.now + .seconds(1)))
  }
}
