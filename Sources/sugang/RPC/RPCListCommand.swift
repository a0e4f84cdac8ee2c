import ArgumentParser
import FramedRPC

/// `sugang rpc list`: what a server offers.
struct RPCListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the services of a server, or the methods of one.",
    discussion: """
      Asks the server; needs no .proto file.

      Examples:
        sugang rpc list pay
        sugang rpc list 127.0.0.1:9083 PayService
        sugang rpc list unix:data/supervisor.sock --methods
      """)

  @OptionGroup var server: ServerAddress

  @Argument(
    help: "A service, by its whole name or its last part: list its methods.",
    completion: .custom(Completion.services))
  var service: String?

  @Flag(help: "List the methods of all services.")
  var methods = false

  func run() async throws {
    let options = self.server.callOptions
    let methods = try await self.server.withClient { try await $0.methods(options: options) }
    let services = methods.reduce(into: [String]()) { services, method in
      let service = String(method.prefix { $0 != "/" })
      if !services.contains(service) { services.append(service) }
    }
    guard let wanted = self.service else {
      return (self.methods ? methods : services).forEach(Console.print)
    }
    let found = services.filter { $0 == wanted || $0.hasSuffix(".\(wanted)") }
    guard !found.isEmpty else {
      let near = Suggestion.nearest(
        to: wanted,
        in: services + services.compactMap { $0.split(separator: ".").last.map(String.init) })
      throw CommandFailure(
        "the server has no service \(wanted)"
          + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"))
    }
    for method in methods where found.contains(String(method.prefix { $0 != "/" })) {
      Console.print(method)
    }
  }
}
