import Contracts
import FramedRPC
import NIOPosix
import UnixSignals

enum GreeterServer {
  static func make() throws -> RPCServer {
    try RPCServer(
      services: [ExampleV1.GreeterService.register(GreeterHandler())],
      group: MultiThreadedEventLoopGroup.singleton)
  }

  /// Serves until SIGINT or SIGTERM, and then lets the calls that run finish.
  static func run(on address: RPCAddress) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let server = try Self.make()
    let bound = try await server.listen(on: address)
    print("listening on \(bound)")
    for await _ in signals { break }
    await server.shutdown(grace: .seconds(5))
  }
}
