import NIOCore
import NIOPosix
import Supervisor

/// The server process, as its parent sees it.
struct BenchServer {
  let rpcPort: Int
  let echoPort: Int
  private let process: ChildProcess

  /// Starts this executable once more and waits until it says its ports.
  static func start(limit: Int? = nil) async throws -> BenchServer {
    let process = try ChildProcess.spawn(
      ChildProcess.ownExecutable(),
      ["bench", "server"] + (limit.map { ["--limit", "\($0)"] } ?? []))
    let group = MultiThreadedEventLoopGroup.singleton
    let (lines, continuation) = AsyncStream<String>.makeStream()
    let closed = try await LineReader.read(process.output, on: group) { continuation.yield($0) }
    closed.whenComplete { _ in continuation.finish() }
    _ = try await LineReader.read(process.errors, on: group) { Console.note($0) }
    for await line in lines {
      let ports = line.split(separator: " ").compactMap { Int($0) }
      guard ports.count == 2 else { continue }
      return BenchServer(rpcPort: ports[0], echoPort: ports[1], process: process)
    }
    process.closeInput()
    throw CommandFailure("the bench server did not start: \(process.reap())")
  }

  func stop() {
    self.process.closeInput()
    self.process.reap()
  }
}
