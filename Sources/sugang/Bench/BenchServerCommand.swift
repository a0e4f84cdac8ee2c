import ArgumentParser
import Contracts
import FramedRPC
import NIOCore
import NIOPosix

/// The other process of `sugang bench rpc`: an RPC server and a raw echo on one event loop.
struct BenchServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Serve 'bench rpc' until stdin closes.", shouldDisplay: false)

  @Option(help: "A fixed limit of calls at once.")
  var limit: Int?

  func run() async throws {
    if let limit = self.limit, limit < 1 {
      throw ValidationError("--limit takes a number from 1 on, not '\(limit)'.")
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(EchoHandler(), on: .eventLoop)], group: group,
      admission: self.limit.map { AdmissionPolicy(limit: .fixed($0)) })
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    let echo = try await RawEcho.listen(group: group)
    guard case .tcp(_, let port) = address, let echoPort = echo.localAddress?.port else {
      throw CommandFailure("the bench server has no port")
    }
    Console.print("\(port) \(echoPort)")
    try await StandardInput.untilClosed()
  }
}

/// Answers what a service's simplest handler would.
private struct EchoHandler: FramedrpcV1.TestServiceHandler {
  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    FramedrpcV1.EchoResponse(text: request.text, number: request.number)
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }
}
