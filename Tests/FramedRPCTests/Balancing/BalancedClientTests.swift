import FramedRPC
import NIOCore
import Synchronization
import Testing

/// What a balanced client does with endpoints that come, go and break.
@Suite("Balanced client", .timeLimit(.minutes(1)))
struct BalancedClientTests {
  /// A resolver that says what a test wants.
  private final class TestResolver: RPCResolver {
    let updates: AsyncStream<ResolverUpdate>
    private let continuation: AsyncStream<ResolverUpdate>.Continuation
    let refreshes = Atomic(0)

    init() {
      (self.updates, self.continuation) = AsyncStream.makeStream()
    }

    var knownEndpoints: [RPCAddress]? { nil }

    func say(_ endpoints: [Int]) {
      self.continuation.yield(.endpoints(endpoints.map(ScriptedEndpoints.address)))
    }

    func fail(_ reason: String) {
      self.continuation.yield(.failure(reason))
    }

    func run(_ update: @escaping @Sendable (ResolverUpdate) -> Void) async {
      for await next in self.updates { update(next) }
    }

    func refresh() {
      self.refreshes.add(1, ordering: .relaxed)
    }
  }

  @Test("a broken endpoint is watched, and gets calls again once it is back")
  func recovery() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { call, number in
      call.endpoint == 1 && number == 0 ? .error(ScriptedEndpoints.unreachable) : .ok
    }
    let client = endpoints.client(of: 2)
    #expect(try await client.ask() == 2)
    #expect(client.statistics().endpoints.map(\.state) == [.broken, .ready])
    await endpoints.wait { $0.watched == [1] }
    #expect(try await client.ask() == 2)
    endpoints.isBack(1)
    while client.statistics().endpoints[0].state == .broken {
      try Task.checkCancellation()
      await Task.yield()
    }
    #expect(try await client.ask() == 1)
  }

  @Test("waiting for readiness: the first endpoint that is back gets the call")
  func waitForReady() async throws {
    let endpoints = ScriptedEndpoints()
    let isUp = Atomic(false)
    endpoints.answer { _, _ in
      isUp.load(ordering: .relaxed) ? .ok : .error(ScriptedEndpoints.unreachable)
    }
    let client = endpoints.client(of: 3)
    async let answer = client.ask(waitForReady: true)
    await endpoints.wait { $0.watched == [1, 2, 3] }
    isUp.store(true, ordering: .relaxed)
    endpoints.isBack(2)
    #expect(try await answer == 2)
    #expect(client.statistics().retries == 0, "waiting costs no retry")
  }

  @Test("who waits for readiness hears of it when another call finds out first")
  func hearsOfOthers() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, number in number == 0 ? .error(ScriptedEndpoints.unreachable) : .ok }
    let client = endpoints.client(of: 1)
    async let answer = client.ask(waitForReady: true)
    await endpoints.wait { $0.watched == [1] }
    #expect(try await client.ask() == 1, "tried all the same")
    #expect(try await answer == 1)
    #expect(endpoints.seen.watched == [1], "not by the watch")
  }

  @Test("a call that waits ends with its deadline, its task, or the client")
  func waitEnds() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.unreachable) }
    let client = endpoints.client(of: 1)
    async let late = rpcError { _ = try await client.ask(timeout: .seconds(3), waitForReady: true) }
    await endpoints.time.waitForSleepers(1)
    #expect(endpoints.time.asked == [.seconds(3)])
    endpoints.time.advance(by: .seconds(3))
    let told = await late
    #expect(told?.status == .deadlineExceeded)
    #expect(told?.notProcessed == true)

    let left = Task { await rpcError { _ = try await client.ask(waitForReady: true) } }
    left.cancel()
    #expect(await left.value?.status == .cancelled)

    let other = Task { await rpcError { _ = try await client.ask(waitForReady: true) } }
    await endpoints.wait { $0.watched == [1] }
    client.shutdown()
    #expect(await other.value?.status == .unavailable)
    #expect(endpoints.seen.shutDown == [1])
  }

  @Test("endpoints that stay broken are not hammered by a call that waits")
  func vainWaits() async throws {
    let endpoints = ScriptedEndpoints()
    endpoints.answer { _, _ in .error(ScriptedEndpoints.unreachable) }
    let client = endpoints.client(of: 1)
    let call = Task { await rpcError { _ = try await client.ask(waitForReady: true) } }
    for round in 1...3 {
      await endpoints.wait { $0.watched == [1] && $0.calls.count == round }
      endpoints.isBack(1)
      if round > 1 {
        await endpoints.time.waitForSleepers(1)
        endpoints.time.advance(by: .seconds(1))
      }
    }
    call.cancel()
    _ = await call.value
    #expect(endpoints.time.asked.count >= 2)
  }

  @Test("calls wait for the resolver's first word, and fail when it knows nobody")
  func resolving() async throws {
    let endpoints = ScriptedEndpoints()
    let resolver = TestResolver()
    let client = endpoints.client(resolver: resolver)
    async let answer = client.ask()
    resolver.say([3])
    #expect(try await answer == 3)
    resolver.say([])
    await endpoints.wait { $0.shutDown == [3] }
    let error = await rpcError { _ = try await client.ask() }
    #expect(error?.status == .unavailable)
    #expect(error?.notProcessed == true)
  }

  @Test(
    "a resolver that fails at first fails calls, but for those that wait; later it keeps what was")
  func resolverFails() async throws {
    let endpoints = ScriptedEndpoints()
    let resolver = TestResolver()
    let client = endpoints.client(resolver: resolver)
    async let patient = client.ask(waitForReady: true)
    resolver.fail("no such name")
    let error = await rpcError { _ = try await client.ask() }
    #expect(error == RPCError(.unavailable, "no such name", notProcessed: true))
    resolver.say([2])
    #expect(try await patient == 2)
    resolver.fail("the name server is away")
    while client.statistics().resolverFailure == nil {
      try Task.checkCancellation()
      await Task.yield()
    }
    #expect(try await client.ask() == 2)
  }

  @Test("an endpoint that is gone is shut down; its call in flight is answered")
  func removal() async throws {
    let endpoints = ScriptedEndpoints()
    let resolver = TestResolver()
    let client = endpoints.client(resolver: resolver)
    endpoints.answer { call, _ in call.endpoint == 1 ? .hold : .ok }
    resolver.say([1])
    async let held = client.ask()
    await endpoints.wait { $0.endpoints == [1] }
    resolver.say([2])
    await endpoints.wait { $0.shutDown == [1] }
    #expect(try await client.ask() == 2)
    endpoints.release(1)
    #expect(try await held == 1)
    #expect(client.statistics().endpoints.map(\.address) == ["server-2:2"])
  }

  @Test("a lost endpoint makes the resolver look again")
  func refresh() async throws {
    let endpoints = ScriptedEndpoints()
    let resolver = TestResolver()
    let client = endpoints.client(resolver: resolver)
    endpoints.answer { _, _ in .error(ScriptedEndpoints.lost) }
    resolver.say([1])
    _ = await rpcError { _ = try await client.ask() }
    #expect(resolver.refreshes.load(ordering: .relaxed) == 1)
  }

  @Test("a client that nobody keeps shuts its endpoints down")
  func release() async throws {
    let endpoints = ScriptedEndpoints()
    var client: BalancedClient? = endpoints.client(of: 2)
    endpoints.answer { _, _ in .error(ScriptedEndpoints.unreachable) }
    _ = await rpcError { _ = try await client?.ask() }
    await endpoints.wait { $0.watched == [1, 2] }
    client = nil
    #expect(client == nil)
    await endpoints.wait { $0.shutDown == [1, 2] && $0.watched.isEmpty }
  }

  @Test("statistics show every endpoint as it is now")
  func statistics() async throws {
    let endpoints = ScriptedEndpoints()
    let policy = ClientPolicy(
      balancing: .pickFirst, outliers: OutlierPolicy(failuresInARow: 1),
      standard: MethodPolicy(retry: nil))
    let client = endpoints.client(of: 2, policy: policy)
    endpoints.answer { call, _ in call.endpoint == 1 ? .error(RPCError(.internal, "no")) : .hold }
    _ = await rpcError { _ = try await client.ask() }
    async let held = client.ask()
    await endpoints.wait { $0.endpoints == [1, 2] }
    endpoints.time.advance(by: .seconds(10))
    let seen = client.statistics()
    #expect(seen.target == "test")
    #expect(seen.endpoints.map(\.address) == ["server-1:1", "server-2:2"])
    #expect(seen.endpoints.map(\.state) == [.idle, .idle])
    #expect(seen.endpoints.map(\.inFlight) == [0, 1])
    #expect(seen.endpoints.map(\.calls) == [1, 1])
    #expect(seen.endpoints.map(\.failures) == [1, 0])
    #expect(seen.endpoints.map(\.ejectedFor) == [.seconds(20), nil])
    #expect(seen.endpoints[0].latency > .milliseconds(300), "a second, sunk for ten")
    #expect(seen.endpoints[0].latency < .milliseconds(400))
    #expect(seen.ejections == 1)
    endpoints.release(2)
    #expect(try await held == 2)
  }
}
