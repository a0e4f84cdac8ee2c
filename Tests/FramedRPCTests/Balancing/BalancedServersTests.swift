import Contracts
import FramedRPC
import NIOCore
import Testing

/// A balanced client of real servers.
@Suite("Balanced client of several servers", .timeLimit(.minutes(2)))
struct BalancedServersTests {
  /// Servers in one process, at addresses of their own, and a client of all of them.
  private final class Cluster {
    let addresses: [RPCAddress]
    var servers: [RPCServer] = []
    var handlers: [TestHandler] = []
    let client: BalancedClient

    var echo: FramedrpcV1.TestServiceClient { FramedrpcV1.TestServiceClient(self.client) }

    init(_ transport: Transport, policy: ClientPolicy) async throws {
      let network = InProcessNetwork()
      var addresses: [RPCAddress] = []
      for number in 1...3 {
        let handler = TestHandler()
        let server = try Endpoint.makeServer(handler: handler)
        let wanted =
          transport == .inProcess
          ? RPCAddress.inProcess("server-\(number)", in: network) : transport.freshAddress()
        addresses.append(try await server.listen(on: wanted))
        self.servers.append(server)
        self.handlers.append(handler)
      }
      self.addresses = addresses
      self.client = BalancedClient(
        target: .fixed(addresses), group: Endpoint.group, policy: policy)
    }

    /// Listens where another server did. A child process that another test is just starting has a
    /// copy of that server's socket, until it runs its own program.
    func restart(_ index: Int) async throws {
      let handler = TestHandler()
      let server = try Endpoint.makeServer(handler: handler)
      let end = ContinuousClock.now + .seconds(60)
      while let error = await rpcError({ try await server.listen(on: self.addresses[index]) }) {
        guard error.status == .alreadyExists, .now < end else { throw error }
        try await Task.sleep(for: .milliseconds(1))
      }
      self.servers[index] = server
      self.handlers[index] = handler
    }

    func stop() async {
      self.client.shutdown()
      for server in self.servers { await server.shutdown(grace: .zero) }
    }
  }

  private static func withCluster(
    _ transport: Transport, policy: ClientPolicy = ClientPolicy(balancing: .roundRobin),
    _ body: (Cluster) async throws -> Void
  ) async throws {
    let cluster = try await Cluster(transport, policy: policy)
    do {
      try await body(cluster)
    } catch {
      await cluster.stop()
      throw error
    }
    await cluster.stop()
  }

  private static let patient = CallOptions(timeout: .seconds(60))

  @Test("every server gets its share", arguments: [Transport.tcp, .inProcess])
  func spread(_ transport: Transport) async throws {
    try await Self.withCluster(transport) { cluster in
      for number: Int64 in 0..<30 {
        _ = try await cluster.echo.echo(.init(number: number), options: Self.patient)
      }
      #expect(cluster.handlers.map { $0.snapshot.started.count } == [10, 10, 10])
      #expect(cluster.client.statistics().endpoints.map(\.calls) == [10, 10, 10])
    }
  }

  @Test(
    "one of three is killed: idempotent calls go on, without a word to the caller",
    arguments: [Transport.tcp, .inProcess])
  func kill(_ transport: Transport) async throws {
    let policy = ClientPolicy(balancing: .roundRobin, standard: .idempotent)
    try await Self.withCluster(transport, policy: policy) { cluster in
      for number: Int64 in 0..<3 {
        _ = try await cluster.echo.echo(.init(number: number), options: Self.patient)
      }
      // With a call in its hands, which nobody can say the effect of.
      let echo = cluster.echo
      let calls = (100..<103).map { (number: Int64) in
        Task {
          try await echo.echo(.init(number: number, delayMs: 1), options: Self.patient).number
        }
      }
      await cluster.handlers[0].wait { !$0.started.isDisjoint(with: [100, 101, 102]) }
      await cluster.servers[0].shutdown(grace: .zero)
      for handler in cluster.handlers {
        for number: Int64 in 100..<103 { handler.release(number) }
      }
      for (number, call) in zip(Int64(100)..., calls) {
        #expect(try await call.value == number)
      }
      for number: Int64 in 200..<260 {
        #expect(try await echo.echo(.init(number: number), options: Self.patient).number == number)
      }
      let statistics = cluster.client.statistics()
      #expect(statistics.endpoints[0].state == .broken)
      #expect(statistics.retries == 1, "the call that was in its hands")
    }
  }

  @Test("a rolling restart loses no call", arguments: [Transport.tcp, .inProcess])
  func rollingRestart(_ transport: Transport) async throws {
    // Nothing is idempotent here: what was begun is finished, what was not goes elsewhere.
    let policy = ClientPolicy(balancing: .leastLoaded, standard: MethodPolicy(retry: nil))
    try await Self.withCluster(transport, policy: policy) { cluster in
      let echo = cluster.echo
      let load = (0..<8).map { (worker: Int64) in
        Task {
          var made: Int64 = 0
          while !Task.isCancelled || made == 0 {
            let number = worker * 1_000_000 + made
            // A task of its own: the end of the load cancels no call.
            let answer = try await Task.detached {
              try await echo.echo(.init(number: number), options: Self.patient)
            }.value
            #expect(answer.number == number)
            made += 1
          }
          return made
        }
      }
      for index in cluster.servers.indices {
        // Not before it has work in hand.
        await cluster.handlers[index].wait { $0.started.count >= 20 }
        await cluster.servers[index].shutdown(grace: .seconds(60))
        try await cluster.restart(index)
        await cluster.handlers[index].wait { $0.started.count >= 20 }
      }
      var made: Int64 = 0
      for worker in load {
        worker.cancel()
        made += try await worker.value
      }
      #expect(made >= 120)
      #expect(cluster.client.statistics().retries == 0)
    }
  }

  @Test("a stream is in flight at its endpoint to its end, and is not repeated once it is open")
  func streams() async throws {
    let network = InProcessNetwork()
    let servers = try (0..<2).map { _ in
      try RPCServer(
        services: [FramedrpcV1.StreamTestService.register(StreamTestHandler())],
        group: Endpoint.group)
    }
    let addresses = ["one", "two"].map { RPCAddress.inProcess($0, in: network) }
    for (server, address) in zip(servers, addresses) { _ = try await server.listen(on: address) }
    let client = BalancedClient(
      target: .fixed(addresses), group: Endpoint.group,
      policy: ClientPolicy(balancing: .pickFirst, standard: .idempotent))
    let calls = FramedrpcV1.StreamTestServiceClient(client)
    func inFlight() -> [Int] { client.statistics().endpoints.map(\.inFlight) }

    let first = try await calls.chat(options: Self.patient)
    try await first.requests.write(.init(sizes: [3]))
    #expect(try await first.responses.next()?.body.count == 3)
    #expect(inFlight() == [1, 0])
    first.requests.finish()
    #expect(try await first.responses.next() == nil)
    while inFlight() != [0, 0] {
      try Task.checkCancellation()
      await Task.yield()
    }
    #expect(client.statistics().endpoints[0].latency == .zero, "how long it lasted is no latency")

    let lost = try await calls.chat(options: Self.patient)
    try await lost.requests.write(.init(sizes: [3]))
    #expect(try await lost.responses.next()?.body.count == 3)
    await servers[0].shutdown(grace: .zero)
    let error = await rpcError { _ = try await lost.responses.next() }
    #expect(error?.status == .unavailable)
    while inFlight() != [0, 0] {
      try Task.checkCancellation()
      await Task.yield()
    }

    // The next one goes round the endpoint that is gone.
    var sizes: [Int] = []
    for try await answer in try await calls.download(.init(sizes: [1, 2]), options: Self.patient) {
      sizes.append(answer.body.count)
    }
    #expect(sizes == [1, 2])
    while inFlight() != [0, 0] {
      try Task.checkCancellation()
      await Task.yield()
    }
    let statistics = client.statistics()
    #expect(statistics.endpoints.map(\.state) == [.broken, .ready])
    #expect(statistics.retries == 0)
    client.shutdown()
    await servers[1].shutdown(grace: .zero)
  }

  @Test("a server that answers a retry makes its own calls without one")
  func chainStop() async throws {
    let network = InProcessNetwork()
    let back = TestHandler()
    var backService = RPCService(name: FramedrpcV1.TestService.echo.service)
    backService.add(FramedrpcV1.TestService.echo) { request, context in
      _ = try await back.echo(request, context)
      throw RPCError(.aborted, "no")
    }
    let backServer = try Endpoint.makeServer(service: backService)
    let backAddress = try await backServer.listen(on: .inProcess("back", in: network))
    let policy = ClientPolicy(
      standard: MethodPolicy(isIdempotent: true, retry: RetryPolicy(statuses: [.aborted])))
    let backClient = BalancedClient(
      target: .fixed([backAddress]), group: Endpoint.group, policy: policy)
    var service = RPCService(name: FramedrpcV1.TestService.echo.service, execution: .eventLoop)
    service.add(FramedrpcV1.TestService.echo) { request, _ in
      try await FramedrpcV1.TestServiceClient(backClient).echo(request, options: Self.patient)
    }
    let middleServer = try Endpoint.makeServer(service: service)
    let middle = try await middleServer.listen(on: .inProcess("middle", in: network))
    let front = BalancedClient(target: .fixed([middle]), group: Endpoint.group, policy: policy)
    let error = await rpcError {
      _ = try await FramedrpcV1.TestServiceClient(front).echo(
        .init(number: 1), options: Self.patient)
    }
    #expect(error == RPCError(.aborted, "no"))
    let marks = back.snapshot.contexts.map { $0.metadata["retry-attempt"] }
    // Three attempts of middle's for the first of front's, one for each of its retries: 5, not 9.
    #expect(marks == [nil, "1", "2", "1", "2"])
    front.shutdown()
    backClient.shutdown()
    await middleServer.shutdown(grace: .zero)
    await backServer.shutdown(grace: .zero)
  }
}
