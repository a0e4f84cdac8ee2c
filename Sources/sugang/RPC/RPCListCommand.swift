import ArgumentParser
import FramedRPC

/// `sugang rpc list`: what a server offers.
struct RPCListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the methods that a server really offers.",
    discussion: """
      Asks the server; needs no .proto file.

      Examples:
        sugang rpc list pay
        sugang rpc list 127.0.0.1:9083
        sugang rpc list unix:data/supervisor.sock
      """)

  @OptionGroup var server: ServerAddress

  func run() async throws {
    let options = CallOptions(timeout: self.server.timeout.duration)
    let methods = try await self.server.withClient { try await $0.methods(options: options) }
    for method in methods {
      Console.print(method)
    }
  }
}
