import Contracts
import FramedRPC
import NIOCore
import Testing

/// Says with each answer how busy it is: as much as the request asks for.
private struct LoadedHandler: FramedrpcV1.TestServiceHandler, FramedrpcV1.StreamTestServiceHandler {
  typealias Request = FramedrpcV1.StreamRequest
  typealias Response = FramedrpcV1.StreamResponse

  static func report(_ number: Int64) -> LoadReport {
    LoadReport(
      cpuUtilization: Double(number) / 100, applicationUtilization: 0,
      requestsPerSecond: Double(number) * 10, errorsPerSecond: 0.5,
      costs: ["rows": Double(number), "queries": 1])
  }

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    if request.number > 0 { try context.attachLoad(Self.report(request.number)) }
    if request.failWith != 0 { throw RPCError(.notFound, "as asked for") }
    return FramedrpcV1.EchoResponse()
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse()
  }

  func download(
    _ request: Request, _ responses: RPCWriter<Response>, _ context: RPCContext
  ) async throws {
    try await responses.write(Response())
    try context.attachLoad(Self.report(Int64(request.times)))
  }

  func upload(_ requests: RPCReader<Request>, _ context: RPCContext) async throws -> Response {
    for try await request in requests {
      try context.attachLoad(Self.report(Int64(request.times)))
    }
    return Response()
  }

  func chat(
    _ requests: RPCReader<Request>, _ responses: RPCWriter<Response>, _ context: RPCContext
  ) async throws {
    for try await request in requests {
      try await responses.write(Response())
      try context.attachLoad(Self.report(Int64(request.times)))
    }
  }
}

/// Load reports with the answers of calls and apart from them. Names before a colon are those of the
/// interoperability tests of gRPC.
@Suite("Load reports over every transport", .timeLimit(.minutes(2)))
struct LoadReportSuite {
  private static let patient = CallOptions(timeout: nil)
  static let cases = RPCKind.allCases.flatMap { kind in Transport.allCases.map { (kind, $0) } }

  private func withServer(
    _ transport: Transport, load: LoadReporter? = nil, interceptors: [any ServerInterceptor] = [],
    _ body: (RPCServer, RPCClient) async throws -> Void
  ) async throws {
    let handler = LoadedHandler()
    let server = try RPCServer(
      services: [
        FramedrpcV1.TestService.register(handler), FramedrpcV1.StreamTestService.register(handler),
      ].map { $0.intercepted(by: interceptors) },
      group: Endpoint.group, security: try transport.serverSecurity(),
      introspection: ServerIntrospection(load: load))
    let client = RPCClient(
      address: try await server.listen(on: transport.freshAddress()), group: Endpoint.group,
      security: try transport.clientSecurity())
    let result: Result<Void, any Error>
    do {
      result = .success(try await body(server, client))
    } catch {
      result = .failure(error)
    }
    client.shutdown()
    await server.shutdown(grace: .zero)
    try result.get()
  }

  /// Makes one call of a kind and reads its answers to their end.
  private func call(_ kind: RPCKind, _ times: Int32, on channel: any RPCChannel) async throws {
    let streams = FramedrpcV1.StreamTestServiceClient(channel)
    let request = FramedrpcV1.StreamRequest(times: times)
    switch kind {
    case .unary:
      _ = try await FramedrpcV1.TestServiceClient(channel).echo(
        .init(number: Int64(times)), options: Self.patient)
    case .serverStreaming:
      for try await _ in try await streams.download(request, options: Self.patient) {}
    case .clientStreaming:
      let upload = try await streams.upload(options: Self.patient)
      try await upload.requests.write(request)
      _ = try await upload.response()
    case .bidirectional:
      let chat = try await streams.chat(options: Self.patient)
      try await chat.requests.write(request)
      chat.requests.finish()
      for try await _ in chat.responses {}
    }
  }

  @Test("orca_per_rpc: a report with the answer of each kind of call", arguments: Self.cases)
  func perCall(_ kind: RPCKind, _ transport: Transport) async throws {
    try await self.withServer(transport) { _, client in
      let (reports, sink) = AsyncStream.makeStream(of: (String, LoadReport).self)
      let channel = client.intercepted(by: [LoadObserver { sink.yield(($0, $1)) }])
      var heard = reports.makeAsyncIterator()
      for times in [Int32(70), 7] {
        try await self.call(kind, times, on: channel)
        let (method, report) = try #require(await heard.next())
        #expect(method.hasPrefix("framedrpc.v1."))
        #expect(report == LoadedHandler.report(Int64(times)))
      }
    }
  }

  @Test("orca_oob: reports apart from calls, as they change", arguments: Transport.allCases)
  func outOfBand(_ transport: Transport) async throws {
    let load = LoadReporter(minimumInterval: .milliseconds(1)) {
      LoadReport(cpuUtilization: 0.5, memoryUtilization: 0.25)
    }
    load.update { $0.applicationUtilization = 0.25 }
    try await self.withServer(transport, load: load) { server, client in
      var reports = try await client.loadReports(every: .zero).makeAsyncIterator()
      let first = try #require(try await reports.next())
      #expect(
        first
          == LoadReport(
            cpuUtilization: 0.5, memoryUtilization: 0.25, applicationUtilization: 0.25))
      load.update {
        $0.applicationUtilization = 1.5
        $0.cpuUtilization = 0.75
        $0.costs = ["a call": 1]
      }
      var last = first
      while last == first { last = try #require(try await reports.next()) }
      #expect(
        last
          == LoadReport(
            cpuUtilization: 0.75, memoryUtilization: 0.25, applicationUtilization: 1.5))
      await server.shutdown(grace: .seconds(30))
      while try await reports.next() != nil {}
    }
  }

  @Test("what the handler says of a call goes before what its server says", arguments: [0, 30])
  func attachment(number: Int64) async throws {
    let load = LoadReporter { LoadReport(cpuUtilization: 0.9, memoryUtilization: 0.8) }
    try await self.withServer(.inProcess, interceptors: [LoadAttachment(load)]) { _, client in
      let (reports, sink) = AsyncStream.makeStream(of: LoadReport.self)
      let channel = client.intercepted(by: [LoadObserver { sink.yield($1) }])
      _ = try await FramedrpcV1.TestServiceClient(channel).echo(
        .init(number: number), options: Self.patient)
      sink.finish()
      var expected = number > 0 ? LoadedHandler.report(number) : LoadReport(cpuUtilization: 0.9)
      expected.memoryUtilization = 0.8
      let heard = await reports.reduce(into: []) { $0.append($1) }
      #expect(heard == [expected])
    }
  }

  @Test("an error carries no report, and its caller's own ear still hears metadata")
  func errors() async throws {
    try await self.withServer(.inProcess) { _, client in
      let (reports, sink) = AsyncStream.makeStream(of: String.self)
      let channel = client.intercepted(by: [LoadObserver { _, _ in sink.yield("report") }])
      var options = Self.patient
      options.onResponseMetadata = { _ in sink.yield("metadata") }
      let calls = FramedrpcV1.TestServiceClient(channel)
      let error = await rpcError {
        _ = try await calls.echo(.init(number: 5, failWith: 5), options: options)
      }
      #expect(error?.status == .notFound)
      #expect(error?.metadata.isEmpty == true)
      _ = try await calls.echo(.init(number: 5), options: options)
      sink.finish()
      let heard = await reports.reduce(into: []) { $0.append($1) }
      #expect(heard == ["report", "metadata"])
    }
  }

  @Test("a server without reports says so; an interval below nothing is refused")
  func refused() async throws {
    try await self.withServer(.inProcess) { _, client in
      let error = await rpcError {
        for try await _ in try await client.loadReports(every: .seconds(1)) {}
      }
      #expect(error?.status == .unimplemented)
    }
    try await self.withServer(.inProcess, load: LoadReporter()) { _, client in
      let error = await rpcError {
        let reports = try await FramedrpcV1.LoadServiceClient(client).watchLoad(
          .init(intervalMs: -1), options: Self.patient)
        for try await _ in reports {}
      }
      #expect(error?.status == .invalidArgument)
      // As long as there is: the first report comes at once all the same.
      var reports = try await client.loadReports(every: .seconds(Int64.max)).makeAsyncIterator()
      #expect(try await reports.next() == LoadReport())
    }
  }
}
