import FramedRPC
import NIOCore
import Synchronization
import Testing

/// What operators set while calls go on, and the policies that the models leave out.
@Suite("Guards that operators set")
struct OperatorTests {
  private static let start = NIODeadline.uptimeNanoseconds(60_000_000_000)

  /// Answers every call at once, or fails it.
  private final class Server: RPCChannel {
    let isBroken = Mutex(false)
    let calls = Mutex(0)

    func call(_ call: RPCCall) async throws -> ByteBuffer {
      self.calls.withLock { $0 += 1 }
      if self.isBroken.withLock({ $0 }) { throw RPCError(.unavailable, "down") }
      return ByteBuffer()
    }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
      throw RPCError(.unimplemented, "no streams here")
    }
  }

  private static func error(_ channel: any RPCChannel) async -> RPCError? {
    let call = RPCCall(method: "test.Service/Method", request: ByteBuffer(), options: CallOptions())
    do {
      _ = try await channel.call(call)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  @Test("forced open lets nobody through, not even a probe, until it is automatic again")
  func forcedOpen() async {
    let server = Server()
    let channel = GuardedChannel(
      server, breaker: CircuitBreakerPolicy(minimumCalls: 1, firstOpenTime: .nanoseconds(1)))
    channel.circuitMode = .forcedOpen
    for caller in [channel, channel.withoutProbing()] as [any RPCChannel] {
      let error = await Self.error(caller)
      #expect(error?.status == .unavailable)
      #expect(error?.reason == "circuit-open")
      #expect(error?.message == "an operator has opened the circuit")
    }
    #expect(server.calls.withLock { $0 } == 0)
    #expect(channel.circuitStatistics.phase == .open)
    #expect(channel.circuitStatistics.openFor == nil)
    #expect(channel.circuitStatistics.refused == 2)
    channel.circuitMode = .automatic
    #expect(channel.circuit == .closed)
    #expect(await Self.error(channel) == nil)
  }

  @Test("forced closed counts, and lets everybody through whatever becomes of it")
  func forcedClosed() async {
    let server = Server()
    server.isBroken.withLock { $0 = true }
    let channel = GuardedChannel(server, breaker: CircuitBreakerPolicy(minimumCalls: 1))
    _ = await Self.error(channel)
    #expect(channel.circuit == .open)
    channel.circuitMode = .forcedClosed
    for _ in 0..<30 { #expect(await Self.error(channel)?.message == "down") }
    var statistics = channel.circuitStatistics
    #expect(statistics.phase == .closed)
    #expect(statistics.mode == .forcedClosed)
    #expect(statistics.failures == 30)
    #expect(statistics.failuresInARow == 30)
    channel.circuitMode = .automatic
    statistics = channel.circuitStatistics
    #expect(statistics.calls == 0, "all begins anew")
    _ = await Self.error(channel)
    #expect(channel.circuit == .open)
    #expect(channel.circuitStatistics.timesOpened == 1)
    #expect(channel.circuitStatistics.openFor != nil)
  }

  @Test("a window of time alone counts all calls in it, however many, and forgets by tenths")
  func timeWindow() {
    var state = CircuitBreakerState(
      policy: CircuitBreakerPolicy(
        windowCalls: nil, windowTime: .seconds(10), minimumCalls: 400, failuresInARow: nil))
    func call(_ outcome: CircuitBreakerState.Outcome, _ now: NIODeadline) {
      guard case .allowed(let ticket) = state.admit(now: now) else {
        Issue.record("refused")
        return
      }
      state.record(outcome, took: .zero, ticket: ticket, now: now)
    }
    for _ in 0..<300 { call(.failure, Self.start) }
    for _ in 0..<99 { call(.success, Self.start + .milliseconds(9_999)) }
    let before = state.counts(now: Self.start + .milliseconds(9_999))
    #expect(before.calls == 399)
    #expect(before.failures == 300)
    #expect(state.phase == .closed)
    let closed = state
    call(.failure, Self.start + .milliseconds(9_999))
    #expect(state.phase != .closed, "400 calls, 301 of them failures")
    state = closed
    let after = state.counts(now: Self.start + .seconds(10))
    #expect(after.calls == 99)
    call(.failure, Self.start + .seconds(10))
    #expect(state.phase == .closed)
  }

  @Test("a higher limit lets those in at once that wait")
  func raisesLimit() async throws {
    let bulkhead = Bulkhead(
      policy: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 8, maxWait: .seconds(60)))
    let (held, hold) = AsyncStream.makeStream(of: Void.self)
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await bulkhead.run {
          enter.yield()
          for await _ in held { break }
        }
      }
      for await _ in entered { break }
      group.addTask { try await bulkhead.run {} }
      while bulkhead.waitingCalls < 1 {
        try Task.checkCancellation()
        await Task.yield()
      }
      bulkhead.policy.maxConcurrentCalls = 2
      // The second one is over while the first still runs.
      try await group.next()
      #expect(bulkhead.runningCalls == 1)
      #expect(bulkhead.statistics.admittedLater == 1)
      #expect(bulkhead.statistics.limit == 2)
      hold.yield()
      try await group.waitForAll()
    }
    #expect(bulkhead.runningCalls == 0)
  }

  @Test("an adaptive bulkhead lets fewer in when calls make each other slow, up to its limit")
  func adaptive() {
    let adaptive = AdaptiveLimitPolicy(
      initial: 32, min: 2, max: 64, window: .milliseconds(10), windowCalls: 4)
    var now = Self.start
    var state = BulkheadState<Int>(
      policy: BulkheadPolicy(maxConcurrentCalls: 40, maxWaitingCalls: 0, adaptive: adaptive),
      now: now)
    /// As many calls at once as it lets in, all of which take so long.
    func round(_ milliseconds: Int64) {
      let began = now
      var count = 0
      while state.enter() == .admitted { count += 1 }
      now = now + .milliseconds(milliseconds)
      for _ in 0..<count { _ = state.leave(began: began, now: now) }
    }
    for _ in 0..<5 { round(10) }
    #expect(state.limit > 32)
    for _ in 0..<200 { round(10) }
    #expect(state.limit <= 40)
    let before = state.limit
    for _ in 0..<20 { round(200) }
    #expect(state.limit < before)
    #expect(state.statistics.limit == state.limit)
  }

  @Test("a rate limiter refuses who is too fast, each by itself, and follows a new policy")
  func rates() {
    let time = Mutex(Self.start)
    let limiter = RateLimiter(
      policy: RateLimitPolicy(permits: 2, per: .seconds(1), burst: 3),
      now: { time.withLock { $0 } })
    func takes(_ caller: String, _ count: Int) -> Int {
      (0..<count).count { _ in limiter.take(caller) == nil }
    }
    #expect(takes("one", 10) == 3)
    #expect(takes("two", 10) == 3)
    #expect(limiter.take("one") == .milliseconds(500))
    time.withLock { $0 = $0 + .seconds(1) }
    #expect(takes("one", 10) == 2)
    #expect(limiter.statistics.refused == 7 + 7 + 1 + 8)
    #expect(limiter.statistics.granted == 8)
    #expect(limiter.statistics.keys == 2)
    limiter.policy = RateLimitPolicy(permits: 1_000, per: .seconds(1), burst: 1)
    time.withLock { $0 = $0 + .seconds(1) }
    #expect(takes("one", 10) == 1)
    #expect(limiter.statistics.keys == 1, "all begin anew")
    limiter.policy = nil
    #expect(takes("one", 1_000) == 1_000)
    #expect(limiter.statistics.keys == 0)
  }

  @Test("policies that could never work are programming errors")
  func policies() async {
    await #expect(processExitsWith: .failure) {
      _ = CircuitBreakerPolicy(windowCalls: nil, windowTime: nil)
    }
    await #expect(processExitsWith: .failure) {
      _ = CircuitBreakerPolicy(windowCalls: 10, minimumCalls: 11)
    }
    await #expect(processExitsWith: .failure) { _ = CircuitBreakerPolicy(windowTime: .zero) }
    await #expect(processExitsWith: .failure) { _ = BulkheadPolicy(maxWait: .seconds(-1)) }
    await #expect(processExitsWith: .failure) { _ = RateLimitPolicy(permits: 0, burst: 1) }
    await #expect(processExitsWith: .failure) { _ = RateLimitPolicy(permits: 1, burst: 0) }
    await #expect(processExitsWith: .failure) {
      _ = RateLimitPolicy(permits: 1, per: .zero, burst: 1)
    }
  }
}
