import FramedRPC
import NIOPosix

/// The program of the tutorial "Your first service in ten minutes".
///
///     scripts/generate
///     swift run greeter serve
///     swift run greeter Ada
@main
enum Greeter {
  static func main() async throws {
    let address = RPCAddress.tcp(host: "127.0.0.1", port: 5090)
    let word = CommandLine.arguments.dropFirst().first
    if word == "serve" {
      try await GreeterServer.run(on: address)
    } else {
      let channel = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
      try await Self.greet(word ?? "", over: channel) { print($0) }
    }
  }

  static func greet(
    _ name: String, over channel: some RPCChannel, say: (String) -> Void
  ) async throws {
    let caller = GreeterCaller(channel)
    say(try await caller.helloToSomebody(name))
    say("\(try await caller.count(to: 3))")
  }
}
