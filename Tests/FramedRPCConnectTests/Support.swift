import Contracts
import FramedRPC
import FramedRPCConnect
import JSON
import NIOCore
import NIOPosix
import Synchronization

/// Keeps what is called and under which context, and answers as it is told.
final class ScriptedChannel: RPCChannel {
  struct Seen: Sendable {
    let call: RPCCall
    let context: RPCContext?
  }

  private let calls = Mutex<[Seen]>([])
  private let answer: @Sendable (RPCCall) throws -> ByteBuffer

  init(_ answer: @escaping @Sendable (RPCCall) throws -> ByteBuffer) {
    self.answer = answer
  }

  /// Fails every call.
  convenience init(failing error: RPCError) {
    self.init { _ in throw error }
  }

  /// Answers every call with its request.
  convenience init() {
    self.init { $0.request }
  }

  var seen: [Seen] { self.calls.withLock { $0 } }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    self.calls.withLock { $0.append(Seen(call: call, context: RPCContext.current)) }
    return try self.answer(call)
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    throw RPCError(.unimplemented, "this channel has no streams")
  }
}

/// Answers the test service.
struct TestHandler: FramedrpcV1.TestServiceHandler {
  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    if request.failWith != 0 {
      var metadata = RPCMetadata()
      try metadata.append("x-detail", "one")
      try metadata.append("x-detail", "two")
      try metadata.append("x-detail-bin", [0, 255])
      throw RPCError(
        RPCStatus(rawValue: UInt8(clamping: request.failWith)) ?? .unknown, request.text,
        reason: "asked-for", metadata: metadata)
    }
    return FramedrpcV1.EchoResponse(
      text: request.text, number: request.number,
      remainingMs: context.deadline == nil ? -1 : 1, requestID: context.requestID ?? "")
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }
}

/// Runs `body` with a bridge to a server of the test service. No call runs out of time, however
/// busy the machine.
func withTestService(_ body: (ConnectService) async throws -> Void) async throws {
  var options = ConnectService.Options()
  options.timeout = .seconds(600)
  let group = MultiThreadedEventLoopGroup.singleton
  let server = try RPCServer(
    services: [FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)], group: group)
  let address = try await server.listen(on: .inProcess("test", in: InProcessNetwork()))
  let client = RPCClient(address: address, group: group)
  try await body(
    ConnectService(FramedrpcV1.TestService.descriptor, channel: client, options: options))
  client.shutdown()
  await server.shutdown(grace: .seconds(5))
}

extension ConnectService {
  init(_ channel: ScriptedChannel, options: Options = .init()) {
    self.init(FramedrpcV1.TestService.descriptor, channel: channel, options: options)
  }

  func post(
    _ method: String = "Echo", _ headers: [(name: String, value: String)] = [], body: [UInt8],
    as contentType: String? = "application/proto"
  ) async -> ConnectResponse {
    let type = contentType.map { [(name: "content-type", value: $0)] } ?? []
    return await self.answer(
      ConnectRequest(method: method, headers: type + headers, body: body, requestID: "request-7"))
  }

  func post(
    _ method: String = "Echo", _ headers: [(name: String, value: String)] = [],
    json: String = "{}"
  ) async -> ConnectResponse {
    await self.post(method, headers, body: Array(json.utf8), as: "application/json")
  }
}

extension ConnectResponse {
  var text: String { String(decoding: self.body, as: UTF8.self) }

  var json: JSONValue {
    get throws { try JSONValue(parsing: self.text) }
  }

  var code: String? {
    get throws { try self.json["code"]?.string }
  }

  var message: String? {
    get throws { try self.json["message"]?.string }
  }

  func values(of name: String) -> [String] {
    self.headers.filter { $0.name == name }.map(\.value)
  }
}
