import ArgumentParser
import FramedRPC
import FramedRPCJSON
import JSON

/// `sugang rpc template`: a request to fill in.
struct RPCTemplateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template",
    abstract: "Print a request of a method, as JSON with every field to fill in.",
    discussion: """
      Examples:
        sugang rpc template pay Approve > request.json
        sugang rpc call pay Approve -d @request.json
      """)

  @OptionGroup var server: ServerAddress
  @OptionGroup var target: MethodArgument

  func run() async throws {
    let options = self.server.callOptions
    let method = try await self.server.withChannel {
      try await DescribedMethod.find(self.target.method, on: $0, options)
    }
    Console.print(MessageTranscoder.template(for: method.request).text(.pretty))
  }
}
