import Contracts
import FramedRPC
import NIOCore

/// A server of the stream service and a client of it.
struct StreamEndpoint: Sendable {
  let server: RPCServer
  let address: RPCAddress
  let channel: RPCClient
  let handler: StreamTestHandler

  var client: FramedrpcV1.StreamTestServiceClient {
    FramedrpcV1.StreamTestServiceClient(self.channel)
  }

  var unary: FramedrpcV1.TestServiceClient { FramedrpcV1.TestServiceClient(self.channel) }
}

/// Runs a test against a server of its own, which has the unary service too, and stops both ends
/// whatever happens.
func withStreams(
  _ transport: Transport, limits: RPCLimits = .standard, clientLimits: RPCLimits = .standard,
  execution: HandlerExecution = .sharedPool, interceptors: [any ServerInterceptor] = [],
  _ body: (StreamEndpoint) async throws -> Void
) async throws {
  let handler = StreamTestHandler()
  let server = try RPCServer(
    services: [
      FramedrpcV1.StreamTestService.register(handler, on: execution)
        .intercepted(by: interceptors),
      FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop),
    ], group: Endpoint.group, limits: limits, security: try transport.serverSecurity())
  let address = try await server.listen(on: transport.freshAddress())
  let streams = StreamEndpoint(
    server: server, address: address,
    channel: RPCClient(
      address: address, group: Endpoint.group, limits: clientLimits,
      security: try transport.clientSecurity()),
    handler: handler)
  let result: Result<Void, any Error>
  do {
    result = .success(try await body(streams))
  } catch {
    result = .failure(error)
  }
  streams.channel.shutdown()
  await server.shutdown(grace: .zero)
  try result.get()
}
