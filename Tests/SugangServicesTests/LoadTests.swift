import Contracts
import FramedRPC
import Logging
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import SugangServices

@Suite("What services report of their load, and who listens", .timeLimit(.minutes(2)))
struct LoadTests {
  @Test("a service reports the calls that it answers, and none that only wait for events")
  func callRates() async throws {
    let folder = try TemporaryFolder()
    let system = try await InProcessSystem.start(
      settings: ServiceSettings(dataFolder: folder.path), logger: Self.quiet)
    let course = try Self.client(of: .course, in: system)
    let gift = try Self.client(of: .gift, in: system)
    defer {
      course.shutdown()
      gift.shutdown()
    }
    let courses = CourseV1.CourseServiceClient(course)
    _ = try await courses.listCourses(.init())
    var rate: Double?
    let options = CallOptions(timeout: .seconds(60))
    for try await report in try await course.loadReports(every: .seconds(1), options: options) {
      rate = report.requestsPerSecond
      if rate ?? 0 > 0 { break }
      // None is known before an interval is over; it must end with calls in it.
      _ = try await courses.listCourses(.init())
    }
    #expect(rate ?? 0 > 0)
    // My page and alert have polled it all the time, and its health was asked for.
    var reports = try await gift.loadReports(every: .seconds(1), options: options)
      .makeAsyncIterator()
    let report = try #require(try await reports.next())
    #expect(report.requestsPerSecond == nil)
    #expect(report.memoryUtilization != nil)
    try await system.stop()
  }

  @Test("several addresses of a peer are called as the settings say")
  func balances() async throws {
    let servers = try await Self.servers(2)
    let counts = servers.map(\.calls)
    let peers = Self.peers(servers, .roundRobin)
    let health = FramedrpcV1.HealthServiceClient(peers.channel(to: .pay))
    // Both are connected to by then, and turns are taken.
    while counts.contains(where: { $0.withLock { $0 } == 0 }) {
      _ = try await health.list(.init())
    }
    let before = counts.map { $0.withLock { $0 } }
    for _ in 0..<10 { _ = try await health.list(.init()) }
    #expect(zip(counts, before).map { $0.withLock { $0 } - $1 } == [5, 5])
    peers.shutdown()
    for server in servers { await server.server.shutdown() }
  }

  @Test("weighted: each of several addresses is asked for its load, with the token")
  func listens() async throws {
    let servers = try await Self.servers(2)
    let peers = Self.peers(
      servers, .weightedRoundRobin(WeightedRoundRobinPolicy(reports: .outOfBand())))
    _ = peers.channel(to: .pay)
    for server in servers {
      for await _ in server.reported { break }
    }
    peers.shutdown()
    for server in servers { await server.server.shutdown() }
  }

  @Test("weights are for peers with several addresses, or with some that may change")
  func oneAddress() {
    let weighted = BalancingPolicy.weightedRoundRobin()
    var settings = ServiceSettings(dataFolder: "/nowhere")
    settings.callPolicy.balancing = weighted
    let peers = Peers(settings: settings, network: nil)
    let one = RPCAddress.tcp(host: "a", port: 1)
    let two = RPCAddress.tcp(host: "b", port: 1)
    #expect(peers.policy(for: .fixed([one])).balancing == .leastLoaded)
    #expect(peers.policy(for: .fixed([one, two])).balancing == weighted)
    #expect(peers.policy(for: .dns(host: "a", port: 1)).balancing == weighted)
    #expect(peers.policy(for: .file("/etc/pay")).balancing == weighted)
    #expect(peers.policy(for: .fixed([one])).methods == CallPolicy.standard.methods)
  }

  private static let token = "a-token-of-the-services"

  /// A server, how many calls it has had, and each report that it has made.
  private struct Server: Sendable {
    let server: RPCServer
    let address: RPCAddress
    let calls: Counter
    let reported: AsyncStream<Void>
  }

  private final class Counter: ServerInterceptor {
    private let count = Mutex(0)

    func withLock<Answer>(_ body: (inout Int) -> Answer) -> Answer {
      self.count.withLock { count in body(&count) }
    }

    func intercept(
      _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
    ) async throws -> CallAnswer {
      if call.context.method.hasSuffix("HealthService/List") { self.withLock { $0 += 1 } }
      return try await next(call)
    }
  }

  private static func servers(_ count: Int) async throws -> [Server] {
    var servers: [Server] = []
    for _ in 0..<count {
      let (reported, report) = AsyncStream<Void>.makeStream()
      let counter = Counter()
      let server = try RPCServer(
        services: [], group: MultiThreadedEventLoopGroup.singleton,
        introspection: ServerIntrospection(
          load: LoadReporter {
            report.yield()
            return LoadReport(cpuUtilization: 0.5)
          },
          interceptors: [
            BearerAuthentication(tokens: [Self.token: RPCPrincipal(name: "sugang")]), counter,
          ]))
      let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
      servers.append(
        Server(server: server, address: address, calls: counter, reported: reported))
    }
    return servers
  }

  private static func peers(_ servers: [Server], _ balancing: BalancingPolicy) -> Peers {
    var settings = ServiceSettings(
      dataFolder: "/nowhere", peers: [.pay: .fixed(servers.map(\.address))],
      rpcToken: Self.token)
    // Nothing is asked twice, however slow the machine.
    settings.callPolicy = ClientPolicy(balancing: balancing)
    return Peers(settings: settings, network: nil)
  }

  private static func client(
    of name: ServiceName, in system: InProcessSystem
  ) throws -> RPCClient {
    RPCClient(
      address: try #require(system.rpcAddresses[name]),
      group: MultiThreadedEventLoopGroup.singleton)
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}
