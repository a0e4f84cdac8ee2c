import FramedRPC
import NIOCore
import Testing

/// The attempts of a client's calls, against endpoints whose answers are made up and in time that a
/// test moves.
@Suite("Retries and hedges", .timeLimit(.minutes(1)))
struct AttemptTests {
  private static let overloaded = RPCError(.resourceExhausted, "busy", notProcessed: true)

  private static func policy(
    _ method: MethodPolicy, budget: RetryBudgetPolicy = RetryBudgetPolicy()
  ) -> ClientPolicy {
    ClientPolicy(balancing: .pickFirst, budget: budget, methods: ["test.Service/Read": method])
  }

  private static let eager = RetryPolicy(firstBackoff: .zero)
  private static let read = MethodPolicy(isIdempotent: true, retry: eager)

  // MARK: one after the other

  @Test("an idempotent call is tried again, at another endpoint, with the mark of a retry")
  func idempotent() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, number in number < 2 ? .error(ScriptedEndpoints.lost) : .ok }
    let client = endpoints.client(policy: Self.policy(Self.read))
    #expect(try await client.ask() == 3)
    #expect(endpoints.seen.endpoints == [1, 2, 3])
    #expect(endpoints.seen.calls.map { $0.options.metadata["retry-attempt"] } == [nil, "1", "2"])
    let statistics = client.statistics()
    #expect((statistics.calls, statistics.retries, statistics.hedges) == (1, 2, 0))
    #expect(statistics.budgetLeft == 98)
  }

  @Test("a call that may have had an effect is tried once")
  func notIdempotent() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.lost) }
    let client = endpoints.client(policy: Self.policy(Self.read))
    let error = await rpcError { _ = try await client.ask("Write") }
    #expect(error == ScriptedEndpoints.lost)
    #expect(endpoints.seen.endpoints == [1])
  }

  @Test("the last error is told, and 'not processed' only when no attempt was")
  func lastError() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, number in
      .error(number == 0 ? ScriptedEndpoints.lost : Self.overloaded)
    }
    let client = endpoints.client(policy: Self.policy(Self.read))
    let mixed = await rpcError { _ = try await client.ask() }
    #expect(mixed?.status == .resourceExhausted)
    #expect(mixed?.notProcessed == false, "the first attempt may have been")
    endpoints.answer { _, _ in .error(Self.overloaded) }
    let refused = await rpcError { _ = try await client.ask() }
    #expect(refused?.notProcessed == true)
  }

  @Test("an endpoint that cannot be reached costs neither a retry nor the budget")
  func reroute() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { call, _ in
      call.endpoint < 3 ? .error(ScriptedEndpoints.unreachable) : .ok
    }
    let client = endpoints.client(policy: Self.policy(MethodPolicy(retry: nil), budget: .none))
    #expect(try await client.ask() == 3)
    #expect(endpoints.seen.calls.allSatisfy { $0.options.metadata.isEmpty })
    let statistics = client.statistics()
    #expect((statistics.reroutes, statistics.retries) == (2, 0))
    #expect(statistics.endpoints.map(\.state) == [.broken, .broken, .ready])
    // The broken ones are left alone from now on.
    #expect(try await client.ask() == 3)
    #expect(endpoints.seen.calls.count == 4)
  }

  @Test("when none can be reached the call fails at once, each asked once")
  func unreachable() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.unreachable) }
    let client = endpoints.client()
    let error = await rpcError { _ = try await client.ask() }
    #expect(error == ScriptedEndpoints.unreachable)
    #expect(endpoints.seen.endpoints.sorted() == [1, 2, 3])
    #expect(endpoints.time.asked.isEmpty, "nobody waited")
  }

  @Test("the budget bounds the retries of all calls together")
  func budget() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.lost) }
    let client = endpoints.client(
      policy: Self.policy(Self.read, budget: RetryBudgetPolicy(perSecond: 0)))
    for _ in 0..<100 { _ = await rpcError { _ = try await client.ask() } }
    let statistics = client.statistics()
    #expect(statistics.retries == 20)
    #expect(endpoints.seen.calls.count == 120)
    #expect(statistics.refusedByBudget > 0)
    #expect(statistics.budgetLeft == 0)
  }

  @Test("the server's word delays the next attempt by just that, or forbids it")
  func pushback() async throws {
    let endpoints = ScriptedEndpoints()
    var error = Self.overloaded
    try error.metadata.append("retry-after-ms", "250")
    endpoints.answer { [error] _, number in number == 0 ? .error(error) : .ok }
    let client = endpoints.client(policy: Self.policy(MethodPolicy()))
    async let answer = client.ask()
    await endpoints.time.waitForSleepers(1)
    #expect(endpoints.time.asked == [.milliseconds(250)])
    endpoints.time.advance(by: .milliseconds(250))
    #expect(try await answer == 2)

    var forbidden = Self.overloaded
    try forbidden.metadata.append("retry-after-ms", "-1")
    endpoints.answer { [forbidden] _, _ in .error(forbidden) }
    let last = await rpcError { _ = try await client.ask() }
    #expect(last == forbidden)
    #expect(endpoints.seen.calls.count == 3)
  }

  @Test("each attempt has what is left of the call's time")
  func timeLeft() async throws {
    let endpoints = ScriptedEndpoints()
    var error = Self.overloaded
    try error.metadata.append("retry-after-ms", "30")
    endpoints.answer { [error] _, number in number == 0 ? .error(error) : .ok }
    let client = endpoints.client(policy: Self.policy(MethodPolicy(timeout: .milliseconds(100))))
    async let answer = client.ask(timeout: .seconds(5))
    await endpoints.time.waitForSleepers(1)
    endpoints.time.advance(by: .milliseconds(30))
    _ = try await answer
    #expect(endpoints.seen.calls.map(\.options.timeout) == [.milliseconds(100), .milliseconds(70)])
  }

  @Test("no retry while another client's retry is answered; the mark is handed on")
  func chainStop() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.lost) }
    let client = endpoints.client(policy: Self.policy(Self.read))
    var metadata = RPCMetadata()
    try metadata.append("retry-attempt", "1")
    await RPCContext.$current.withValue(RPCContext(metadata: metadata)) {
      _ = await rpcError { _ = try await client.ask() }
    }
    #expect(endpoints.seen.calls.map { $0.options.metadata["retry-attempt"] } == ["1"])
    await RPCContext.$current.withValue(RPCContext()) {
      _ = await rpcError { _ = try await client.ask() }
    }
    #expect(endpoints.seen.calls.count == 4, "a first attempt's calls are retried")
  }

  @Test("whoever has left gets no retry")
  func cancelled() async throws {
    let endpoints = ScriptedEndpoints()
    var error = Self.overloaded
    try error.metadata.append("retry-after-ms", "1000")
    endpoints.answer { [error] _, _ in .error(error) }
    let client = endpoints.client(policy: Self.policy(MethodPolicy()))
    let call = Task { await rpcError { _ = try await client.ask() } }
    await endpoints.time.waitForSleepers(1)
    call.cancel()
    let told = await call.value
    #expect(told?.status == .cancelled)
    #expect(told?.notProcessed == true)
    #expect(endpoints.seen.calls.count == 1)
  }

  // MARK: several at once

  private static func hedged(_ attempts: Int = 2) -> ClientPolicy {
    Self.policy(
      MethodPolicy(
        isIdempotent: true,
        hedging: HedgingPolicy(delay: .milliseconds(20), maxAttempts: attempts)))
  }

  @Test(
    "a slow call is sent to another endpoint too; the first answer wins, the loser is cancelled")
  func hedge() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { call, _ in call.endpoint == 1 ? .hold : .ok }
    let client = endpoints.client(policy: Self.hedged())
    async let answer = client.ask()
    await endpoints.wait { $0.endpoints == [1] }
    await endpoints.time.waitForSleepers(1)
    endpoints.time.advance(by: .milliseconds(20))
    #expect(try await answer == 2)
    #expect(endpoints.seen.endpoints == [1, 2])
    #expect(endpoints.seen.cancelled == [1])
    let statistics = client.statistics()
    #expect((statistics.hedges, statistics.retries, statistics.budgetLeft) == (1, 0, 99))
    #expect(statistics.endpoints.allSatisfy { $0.inFlight == 0 })
    #expect(endpoints.seen.calls[1].options.metadata["retry-attempt"] == "1")
  }

  @Test("an answer in time sends nothing more")
  func noHedge() async throws {
    let endpoints = ScriptedEndpoints()
    let client = endpoints.client(policy: Self.hedged())
    #expect(try await client.ask() == 1)
    #expect(client.statistics().hedges == 0)
    #expect(endpoints.seen.calls.count == 1)
  }

  @Test("a failure sends the next at once; a fatal one ends the call")
  func hedgeFailures() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { call, _ in call.endpoint == 1 ? .error(ScriptedEndpoints.lost) : .ok }
    let client = endpoints.client(policy: Self.hedged())
    #expect(try await client.ask() == 2)
    endpoints.answer { _, _ in .error(RPCError(.notFound, "no such thing")) }
    let error = await rpcError { _ = try await client.ask() }
    #expect(error == RPCError(.notFound, "no such thing"))
    #expect(endpoints.seen.calls.count == 3)
  }

  @Test("hedges draw on the same budget")
  func hedgeBudget() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .hold }
    var policy = Self.hedged()
    policy.budget = .none
    let client = endpoints.client(policy: policy)
    async let answer = client.ask()
    await endpoints.time.waitForSleepers(1)
    await endpoints.wait { $0.endpoints == [1] }
    endpoints.time.advance(by: .milliseconds(20))
    endpoints.release(1)
    #expect(try await answer == 1)
    #expect(endpoints.seen.calls.count == 1)
  }

  @Test("with one endpoint there is nobody to hedge with: the call is retried")
  func hedgeAlone() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, number in number == 0 ? .error(ScriptedEndpoints.lost) : .ok }
    var policy = Self.hedged()
    policy.methods["test.Service/Read"]?.retry = Self.eager
    let client = endpoints.client(of: 1, policy: policy)
    #expect(try await client.ask() == 1)
    let statistics = client.statistics()
    #expect((statistics.retries, statistics.hedges) == (1, 0))
  }

  @Test("a broken endpoint is no one to hedge with, and costs nothing")
  func hedgeBroken() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { call, number in
      if call.endpoint == 1 { return .error(ScriptedEndpoints.unreachable) }
      return number < 2 ? .ok : .hold
    }
    let client = endpoints.client(of: 2, policy: Self.hedged())
    #expect(try await client.ask() == 2, "round the first, which is broken now")
    async let answer = client.ask()
    await endpoints.wait { $0.endpoints == [1, 2, 2] }
    await endpoints.time.waitForSleepers(1)
    endpoints.time.advance(by: .milliseconds(20))
    endpoints.release(2)
    #expect(try await answer == 2)
    let statistics = client.statistics()
    #expect((statistics.hedges, statistics.refusedByBudget) == (0, 0))
    #expect(endpoints.seen.calls.count == 3)
  }

  @Test("all attempts fail: the last error is told")
  func hedgeAllFail() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, number in
      .error(number == 2 ? RPCError(.unavailable, "the third") : ScriptedEndpoints.lost)
    }
    let client = endpoints.client(policy: Self.hedged(3))
    let error = await rpcError { _ = try await client.ask() }
    #expect(error == RPCError(.unavailable, "the third"))
    #expect(endpoints.seen.endpoints == [1, 2, 3])
  }

  @Test("a cancelled call takes its attempts with it")
  func hedgeCancelled() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .hold }
    let client = endpoints.client(policy: Self.hedged())
    let call = Task { await rpcError { _ = try await client.ask() } }
    await endpoints.time.waitForSleepers(1)
    await endpoints.wait { $0.endpoints == [1] }
    endpoints.time.advance(by: .milliseconds(20))
    await endpoints.wait { $0.endpoints == [1, 2] }
    call.cancel()
    #expect(await call.value?.status == .cancelled)
    #expect(endpoints.seen.cancelled.sorted() == [1, 2])
  }
}
