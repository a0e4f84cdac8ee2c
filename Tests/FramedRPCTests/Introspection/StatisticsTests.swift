import Contracts
import FramedRPC
import NIOPosix
import Testing

@Suite("Statistics of a server")
struct StatisticsTests {
  /// A source with numbers that never change.
  private struct Backends: StatisticsSource {
    func statisticsRows() async -> [StatisticsRow] {
      [StatisticsRow("127.0.0.1:9083", [.init("in-flight", 3), .init("latency-us", 180.5)])]
    }
  }

  private static func withServer(
    _ transport: Transport, _ sources: StatisticsSources = StatisticsSources(),
    handler: TestHandler = TestHandler(),
    _ body: (RPCClient, FramedrpcV1.StatisticsServiceClient) async throws -> Void
  ) async throws {
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(handler, on: .eventLoop)],
      group: Endpoint.group, introspection: ServerIntrospection(statistics: sources))
    let address = try await server.listen(on: transport.freshAddress())
    let client = RPCClient(address: address, group: Endpoint.group)
    do {
      try await body(client, FramedrpcV1.StatisticsServiceClient(client))
    } catch {
      client.shutdown()
      await server.shutdown(grace: .zero)
      throw error
    }
    client.shutdown()
    await server.shutdown(grace: .zero)
  }

  private static func fail(_ client: RPCClient, _ status: RPCStatus) async {
    await #expect(throws: RPCError.self) {
      _ = try await FramedrpcV1.TestServiceClient(client).echo(
        FramedrpcV1.EchoRequest(failWith: Int32(status.rawValue)), options: CallSuite.patient)
    }
  }

  @Test("calls are counted by method, with how they ended and how long they took")
  func methods() async throws {
    try await Self.withServer(.inProcess) { client, statistics in
      let test = FramedrpcV1.TestServiceClient(client)
      for _ in 0..<3 {
        _ = try await test.echo(FramedrpcV1.EchoRequest(), options: CallSuite.patient)
      }
      await Self.fail(client, .notFound)
      await Self.fail(client, .notFound)
      await Self.fail(client, .aborted)
      let answer = try await statistics.listMethodStatistics(
        FramedrpcV1.ListMethodStatisticsRequest(filter: "TestService"), options: CallSuite.patient)
      let echo = try #require(answer.methods.first)
      #expect(answer.methods.count == 1, "nobody has called Reflect")
      #expect(echo.method == "framedrpc.v1.TestService/Echo")
      #expect(echo.count == 6)
      #expect(echo.inFlight == 0)
      #expect(
        echo.errors == [
          FramedrpcV1.StatusCount(status: "NOT_FOUND", count: 2),
          FramedrpcV1.StatusCount(status: "ABORTED", count: 1),
        ])
      #expect(echo.p50Us <= echo.p99Us && echo.p99Us <= echo.maxUs)
      let all = try await statistics.listMethodStatistics(
        FramedrpcV1.ListMethodStatisticsRequest(), options: CallSuite.patient)
      let own = try #require(all.methods.first { $0.method.hasSuffix("/ListMethodStatistics") })
      #expect(own.count == 1)
      #expect(own.inFlight == 1, "the call that asks is on its way")
    }
  }

  @Test("a connection is told with its peer, its calls and its bytes")
  func connections() async throws {
    try await Self.withServer(.tcp) { client, statistics in
      _ = try await FramedrpcV1.TestServiceClient(client).echo(
        FramedrpcV1.EchoRequest(text: "a"), options: CallSuite.patient)
      await Self.fail(client, .notFound)
      let answer = try await statistics.listConnections(
        FramedrpcV1.ListConnectionsRequest(), options: CallSuite.patient)
      let connection = try #require(answer.connections.first)
      #expect(answer.connections.count == 1)
      #expect(connection.peer.hasPrefix("127."))
      #expect(connection.callsStarted == 3)
      #expect(connection.callsSucceeded == 1)
      #expect(connection.callsFailed == 1)
      #expect(connection.inFlight == 1)
      #expect(connection.bytesReceived > 100)
      #expect(connection.bytesSent > 100)
      #expect(connection.ageMs >= 0)
    }
  }

  private static func named(_ id: String) throws -> CallOptions {
    var options = CallSuite.patient
    try options.metadata.append(RPCContext.requestIDKey, id)
    return options
  }

  @Test("calls over the threshold are kept, and the threshold can be set")
  func slowCalls() async throws {
    let handler = TestHandler()
    try await Self.withServer(.inProcess, handler: handler) { client, statistics in
      let before = try await statistics.setSlowCallThreshold(
        FramedrpcV1.SetSlowCallThresholdRequest(thresholdUs: 1), options: CallSuite.patient)
      #expect(before.previousUs == 100_000)
      let options = try Self.named("slow-1")
      async let call = FramedrpcV1.TestServiceClient(client).echo(
        FramedrpcV1.EchoRequest(number: 1, delayMs: 1), options: options)
      await handler.wait { $0.started.contains(1) }
      handler.release(1)
      _ = try await call
      let answer = try await statistics.listSlowCalls(
        FramedrpcV1.ListSlowCallsRequest(), options: CallSuite.patient)
      #expect(answer.thresholdUs == 1)
      let slow = try #require(answer.calls.first { $0.requestID == "slow-1" })
      #expect(slow.method == "framedrpc.v1.TestService/Echo")
      #expect(slow.status == "OK")
      #expect(slow.durationUs > 1)
      // After 2020.
      #expect(slow.startedMs > 1_577_836_800_000)
      let error = await #expect(throws: RPCError.self) {
        try await statistics.setSlowCallThreshold(
          FramedrpcV1.SetSlowCallThresholdRequest(), options: CallSuite.patient)
      }
      #expect(error?.status == .invalidArgument)
    }
  }

  @Test("registered channels are shown by name until they are removed")
  func channels() async throws {
    let sources = StatisticsSources()
    try await Self.withServer(.inProcess, sources) { _, statistics in
      sources.register(Backends(), as: "pay")
      sources.register(Backends(), as: "course")
      sources.remove("course")
      let answer = try await statistics.listChannels(
        FramedrpcV1.ListChannelsRequest(), options: CallSuite.patient)
      #expect(
        answer.channels == [
          FramedrpcV1.ChannelStatistics(
            name: "pay",
            rows: [
              FramedrpcV1.StatisticsRow(
                name: "127.0.0.1:9083",
                values: [
                  FramedrpcV1.StatisticsValue(name: "in-flight", value: 3),
                  FramedrpcV1.StatisticsValue(name: "latency-us", value: 180.5),
                ])
            ])
        ])
    }
  }
}
