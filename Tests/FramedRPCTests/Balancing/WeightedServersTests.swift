import Contracts
import FramedRPC
import NIOCore
import Testing

/// Calls follow the load that servers report.
@Suite("Turns by weight among servers", .timeLimit(.minutes(2)))
struct WeightedServersTests {
  private static let patient = CallOptions(timeout: nil)
  private static let token = "token-of-the-client"

  /// Servers in one process that say of themselves what a test wants, and a client of them whose
  /// time the test moves.
  private final class Cluster {
    let addresses: [RPCAddress]
    /// What is sent with answers.
    let attached: [LoadReporter]
    /// What is sent apart from them.
    let subscribed: [LoadReporter]
    var servers: [RPCServer] = []
    let time = ManualClock()
    let client: BalancedClient

    init(_ policy: WeightedRoundRobinPolicy) async throws {
      let network = InProcessNetwork()
      self.addresses = (0..<2).map { .inProcess("server-\($0)", in: network) }
      self.attached = (0..<2).map { _ in LoadReporter() }
      self.subscribed = (0..<2).map { _ in LoadReporter(minimumInterval: .milliseconds(1)) }
      for index in 0..<2 {
        self.servers.append(
          try await Self.server(
            at: self.addresses[index], self.attached[index], self.subscribed[index]))
      }
      self.client = BalancedClient(
        resolver: StaticResolver(self.addresses), name: "test",
        policy: ClientPolicy(balancing: .weightedRoundRobin(policy)), decodeLimits: .standard,
        clock: self.time.clock, random: SeededRandom(7),
        reportInterceptors: [BearerToken(WeightedServersTests.token)]
      ) { RPCClient(address: $0, group: Endpoint.group) }
    }

    static func server(
      at address: RPCAddress, _ attached: LoadReporter, _ subscribed: LoadReporter
    ) async throws -> RPCServer {
      let token = BearerAuthentication(
        tokens: [WeightedServersTests.token: RPCPrincipal(name: "test")])
      let server = try RPCServer(
        services: [
          FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop),
          FramedrpcV1.StreamTestService.register(StreamTestHandler()),
        ].map { $0.intercepted(by: [LoadAttachment(attached)]) },
        group: Endpoint.group,
        introspection: ServerIntrospection(load: subscribed, interceptors: [token]))
      _ = try await server.listen(on: address)
      return server
    }

    func restart(_ index: Int) async throws {
      self.servers[index] = try await Self.server(
        at: self.addresses[index], self.attached[index], self.subscribed[index])
    }

    var calls: [Int] { self.client.statistics().endpoints.map(\.calls) }
    var weights: [Double?] { self.client.statistics().endpoints.map(\.weight) }

    /// One after the other, each to its end.
    func call(_ count: Int, _ kind: RPCKind = .unary) async throws {
      let echo = FramedrpcV1.TestServiceClient(self.client)
      let streams = FramedrpcV1.StreamTestServiceClient(self.client)
      let options = WeightedServersTests.patient
      for _ in 0..<count {
        if kind == .unary {
          _ = try await echo.echo(.init(), options: options)
        } else {
          let answers = try await streams.download(.init(sizes: [1, 2]), options: options)
          for try await _ in answers {}
        }
      }
    }

    /// Waits until these are the weights, or the test's time is over.
    func wait(forWeights weights: [Double]) async throws {
      while self.weights != weights {
        try Task.checkCancellation()
        await Task.yield()
      }
    }

    func stop() async {
      self.client.shutdown()
      for server in self.servers { await server.shutdown(grace: .zero) }
    }
  }

  private static func withCluster(
    _ policy: WeightedRoundRobinPolicy = WeightedRoundRobinPolicy(),
    _ body: (Cluster) async throws -> Void
  ) async throws {
    let cluster = try await Cluster(policy)
    do {
      try await body(cluster)
    } catch {
      await cluster.stop()
      throw error
    }
    await cluster.stop()
  }

  private static func say(_ reporter: LoadReporter, _ utilization: Double) {
    reporter.update {
      $0.applicationUtilization = utilization
      $0.requestsPerSecond = 100
      $0.errorsPerSecond = 0
    }
  }

  @Test(
    "reports with answers: by turns in the blackout period, then in proportion",
    arguments: [RPCKind.unary, .serverStreaming])
  func perCall(_ kind: RPCKind) async throws {
    try await Self.withCluster { cluster in
      Self.say(cluster.attached[0], 0.25)
      Self.say(cluster.attached[1], 0.75)
      try await cluster.call(4, kind)
      cluster.time.advance(by: .milliseconds(9_999))
      try await cluster.call(4, kind)
      #expect(cluster.calls == [4, 4])
      #expect(cluster.weights == [nil, nil])
      cluster.time.advance(by: .milliseconds(1_001))
      #expect(cluster.weights == [400, 100 / 0.75])
      try await cluster.call(40, kind)
      #expect(cluster.calls == [34, 14])
      // They change places; the next update period notices.
      Self.say(cluster.attached[0], 0.75)
      Self.say(cluster.attached[1], 0.25)
      try await cluster.call(4, kind)
      #expect(cluster.calls == [37, 15])
      cluster.time.advance(by: .seconds(1))
      try await cluster.call(40, kind)
      #expect(cluster.calls == [47, 45])
      let rows = await cluster.client.statisticsRows()
      #expect(rows.last?.values.last == .init("weight", 400))
    }
  }

  @Test("reports apart from calls: those with answers are not looked at")
  func outOfBand() async throws {
    let policy = WeightedRoundRobinPolicy(reports: .outOfBand(every: .zero), blackoutPeriod: .zero)
    try await Self.withCluster(policy) { cluster in
      for attached in cluster.attached { Self.say(attached, 0.001) }
      Self.say(cluster.subscribed[0], 0.75)
      Self.say(cluster.subscribed[1], 0.25)
      try await cluster.wait(forWeights: [100 / 0.75, 400])
      try await cluster.call(40)
      #expect(cluster.calls == [10, 30])
      #expect(cluster.weights == [100 / 0.75, 400])
    }
  }

  @Test("a server that comes back is subscribed to again, after a while")
  func resubscribes() async throws {
    let policy = WeightedRoundRobinPolicy(reports: .outOfBand(every: .zero), blackoutPeriod: .zero)
    try await Self.withCluster(policy) { cluster in
      Self.say(cluster.subscribed[0], 0.5)
      Self.say(cluster.subscribed[1], 0.5)
      try await cluster.wait(forWeights: [200, 200])
      await cluster.servers[0].shutdown(grace: .zero)
      while cluster.time.asked.isEmpty {
        try Task.checkCancellation()
        await Task.yield()
      }
      await cluster.time.waitForSleepers(1)
      Self.say(cluster.subscribed[0], 0.25)
      try await cluster.restart(0)
      #expect(cluster.time.asked.allSatisfy { $0 >= .zero && $0 < .seconds(1) })
      cluster.time.advance(by: .seconds(1))
      try await cluster.wait(forWeights: [400, 200])
    }
  }

  @Test("without reports it is round robin")
  func silent() async throws {
    try await Self.withCluster { cluster in
      try await cluster.call(4)
      cluster.time.advance(by: .seconds(20))
      try await cluster.call(20)
      #expect(cluster.calls == [12, 12])
      #expect(cluster.weights == [nil, nil])
    }
  }
}
