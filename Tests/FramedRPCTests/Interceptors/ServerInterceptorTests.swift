import Contracts
import NIOCore
import Synchronization
import Testing

@testable import FramedRPC

@Suite("Interceptors of a server", .timeLimit(.minutes(2)))
struct ServerInterceptorTests {
  private static func service(
    _ handler: TestHandler = TestHandler(), behind interceptors: [any ServerInterceptor],
    on execution: HandlerExecution = .eventLoop
  ) -> RPCService {
    FramedrpcV1.TestService.register(handler, on: execution).intercepted(by: interceptors)
  }

  private static func failing(with status: RPCStatus) -> FramedrpcV1.EchoRequest {
    FramedrpcV1.EchoRequest(text: "as asked", failWith: Int32(status.rawValue))
  }

  @Test("ttrpc: chained, the first is the outermost", arguments: Transport.allCases)
  func order(_ transport: Transport) async throws {
    let journal = Journal()
    let service = Self.service(behind: [
      ServerStep.noting("a", in: journal), ServerStep.noting("b", in: journal),
    ])
    .intercepted(by: [ServerStep.noting("c", in: journal)])
    try await withEndpoint(transport, service: service) { endpoint in
      let answer = try await endpoint.client.echo(.init(number: 7), options: CallSuite.patient)
      #expect(answer.number == 7)
      #expect(journal.text == "c> a> b> <b <a <c")
      let error = await rpcError {
        _ = try await endpoint.client.echo(
          Self.failing(with: .notFound), options: CallSuite.patient)
      }
      #expect(error?.status == .notFound)
    }
    #expect(journal.text.hasSuffix("c> a> b> !b:notFound !a:notFound !c:notFound"))
  }

  @Test("without any, a method is the very same")
  func none() {
    let service = FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)
    /// The handler, which is the last property, as code and context: closures cannot be compared.
    func code(_ service: RPCService) -> [UInt8] {
      withUnsafeBytes(of: service.methods[0]) {
        Array($0.suffix(MemoryLayout<RPCService.Handler>.size))
      }
    }
    #expect(code(service.intercepted(by: [])) == code(service))
    let one = service.intercepted(by: [ServerStep { try await $1($0) }])
    #expect(code(one) != code(service))
    #expect(one.methods.map(\.fullName) == service.methods.map(\.fullName))
    #expect(one.methods.allSatisfy { $0.execution == .eventLoop })
  }

  @Test("one that throws refuses the call: the handler never sees it")
  func refusal() async throws {
    let journal = Journal()
    let handler = TestHandler()
    let refuse = ServerStep { _, _ in
      throw RPCError(.permissionDenied, "not you", reason: "no-friend")
    }
    let service = Self.service(
      handler,
      behind: [
        ServerStep.noting("a", in: journal), refuse, ServerStep.noting("b", in: journal),
      ])
    try await withEndpoint(.inProcess, service: service) { endpoint in
      let error = await rpcError {
        _ = try await endpoint.client.echo(.init(number: 1), options: CallSuite.patient)
      }
      #expect(error?.status == .permissionDenied)
      #expect(error?.reason == "no-friend")
    }
    #expect(handler.snapshot.started.isEmpty)
    #expect(journal.text == "a> !a:permissionDenied")
  }

  @Test("one that breaks is INTERNAL to the caller, and told to the operator")
  func brokenInterceptor() async throws {
    struct Broken: Error {}
    let told = Mutex<[String]>([])
    let bench = try ServerBench(
      service: Self.service(behind: [ServerStep { _, _ in throw Broken() }]),
      onUnhandledError: { error, context in
        told.withLock { $0.append("\(type(of: error)) \(context.method)") }
      })
    bench.receive(try ServerBench.echo(.init(number: 1)))
    let answer = try #require(try bench.sent().first)
    #expect(answer.header.code & 0xFF == UInt16(RPCStatus.internal.rawValue))
    #expect(told.withLock { $0 } == ["Broken framedrpc.v1.TestService/Echo"])
  }

  @Test("errors can be replaced, answers cannot")
  func replacedError() async throws {
    let hide = ServerStep { call, next in
      do {
        return try await next(call)
      } catch {
        throw RPCError(.unavailable, "come again", reason: "hidden")
      }
    }
    try await withEndpoint(.inProcess, service: Self.service(behind: [hide])) { endpoint in
      let error = await rpcError {
        _ = try await endpoint.client.echo(
          Self.failing(with: .internal), options: CallSuite.patient)
      }
      #expect(error?.status == .unavailable)
      #expect(error?.reason == "hidden")
    }
  }

  @Test("a changed context reaches the handler, and is the current one of its task")
  func context() async throws {
    let rename = ServerStep { call, next in
      var call = call
      try call.context.metadata.set(RPCContext.requestIDKey, "renamed")
      try call.context.metadata.append("added", "1")
      return try await next(call)
    }
    let seen = Mutex<[String?]>([])
    struct Seeing: FramedrpcV1.TestServiceHandler {
      let see: @Sendable (RPCContext) -> Void

      func echo(
        _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.EchoResponse {
        self.see(context)
        return FramedrpcV1.EchoResponse(requestID: RPCContext.current?.requestID ?? "")
      }

      func reflect(
        _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.ReflectResponse { .init() }
    }
    let handler = Seeing { context in
      seen.withLock { $0 = [context.requestID, context.metadata["added"]] }
    }
    let service = FramedrpcV1.TestService.register(handler).intercepted(by: [rename])
    try await withEndpoint(.inProcess, service: service) { endpoint in
      var options = CallSuite.patient
      try options.metadata.append(RPCContext.requestIDKey, "original")
      let answer = try await endpoint.client.echo(.init(), options: options)
      #expect(answer.requestID == "renamed")
    }
    #expect(seen.withLock { $0 } == ["renamed", "1"])
  }

  @Test("messages and their bytes are counted by the time the call is over")
  func traffic() async throws {
    let seen = Mutex<[CallTraffic.Count]>([])
    let count = ServerStep { call, next in
      let before = [call.traffic.received, call.traffic.sent]
      let answer = try await next(call)
      seen.withLock { $0 = before + [call.traffic.received, call.traffic.sent] }
      return answer
    }
    let request = FramedrpcV1.EchoRequest(text: "hello", number: 5)
    let bytes = try request.encoded().readableBytes
    try await withEndpoint(.inProcess, service: Self.service(behind: [count])) { endpoint in
      let answer = try await endpoint.client.echo(request, options: CallSuite.patient)
      let sent = try answer.encoded().readableBytes
      let counts = seen.withLock { $0 }
      #expect(counts.map(\.messages) == [1, 0, 1, 1])
      #expect(counts.map(\.bytes) == [bytes, 0, bytes, sent])
    }
  }

  @Test("a handler on the event loop answers in the tick of its request, interceptors or not")
  func sameTick() throws {
    let bench = try ServerBench(
      service: Self.service(behind: [
        ServerStep { try await $1($0) }, ServerDeadline(standard: nil, longest: nil),
      ]))
    bench.receive(try ServerBench.echo(.init(number: 3)))
    #expect(try bench.sent().map(\.header.type) == [.response])
  }
}
