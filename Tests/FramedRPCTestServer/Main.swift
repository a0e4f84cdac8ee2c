import Contracts
import Foundation
import FramedRPC
import NIOCore
import NIOPosix

/// Serves framedrpc.v1's TestService and StreamTestService for clients that are not ours: prints where it listens, and shuts
/// down in order when its standard input ends.
@main
struct Main {
  static func main() async throws {
    let cancelled = CancelledCalls()
    let server = try RPCServer(
      services: [
        FramedrpcV1.TestService.register(InteropHandler(cancelled: cancelled), on: .eventLoop),
        FramedrpcV1.StreamTestService.register(
          InteropStreamHandler(cancelled: cancelled), on: .sharedPool),
      ],
      group: MultiThreadedEventLoopGroup.singleton)
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    try FileHandle.standardOutput.write(contentsOf: Data("listening on \(address)\n".utf8))
    await Self.endOfInput()
    await server.shutdown(grace: .seconds(30))
  }

  /// Reading blocks, so it has a thread of its own.
  private static func endOfInput() async {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        while readLine() != nil {}
        continuation.resume()
      }
    }
  }
}
