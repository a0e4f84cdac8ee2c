import FramedRPC
import NIOPosix

/// Gives `body` a channel to a service that does not run.
package func withAbsentService<Answer>(
  _ body: (any RPCChannel) async throws -> Answer
) async throws -> Answer {
  let client = RPCClient(
    address: .inProcess("absent", in: InProcessNetwork()),
    group: MultiThreadedEventLoopGroup.singleton)
  defer { client.shutdown() }
  return try await body(client)
}
