import Contracts
import FramedRPC
import NIOCore
import NIOPosix

/// Answers Echo, after asking the next server when there is one.
struct Toy: FramedrpcV1.TestServiceHandler {
  static let echo = "framedrpc.v1.TestService/Echo"

  var next: (any RPCChannel)?
  var see: @Sendable () -> Void = {}

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    self.see()
    if request.failWith != 0 {
      throw RPCError(RPCStatus(rawValue: UInt8(request.failWith)) ?? .unknown, request.text)
    }
    if let next = self.next {
      return try await FramedrpcV1.TestServiceClient(next).echo(request)
    }
    return FramedrpcV1.EchoResponse(text: request.text)
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse { .init() }

  /// Runs a test against it.
  func serving(
    _ interceptors: [any ServerInterceptor], _ body: (RPCClient) async throws -> Void
  ) async throws {
    let service = FramedrpcV1.TestService.register(self, on: .eventLoop)
    let network = InProcessNetwork()
    let server = try RPCServer(
      services: [service.intercepted(by: interceptors)],
      group: MultiThreadedEventLoopGroup.singleton)
    let address = try await server.listen(on: .inProcess("toy", in: network))
    let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    var failure: (any Error)?
    do {
      try await body(client)
    } catch {
      failure = error
    }
    client.shutdown()
    await server.shutdown(grace: .zero)
    if let failure { throw failure }
  }

  static func call(
    _ channel: any RPCChannel, text: String = "", failWith status: RPCStatus = .ok,
    metadata: [(String, String)] = []
  ) async throws {
    var options = CallOptions(timeout: .seconds(60))
    for (key, value) in metadata { try options.metadata.append(key, value) }
    _ = try await FramedrpcV1.TestServiceClient(channel).echo(
      .init(text: text, failWith: Int32(status.rawValue)), options: options)
  }
}
