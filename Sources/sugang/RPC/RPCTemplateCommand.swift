import ArgumentParser
import FramedRPCJSON
import JSON

/// `sugang rpc template`: a request to fill in.
struct RPCTemplateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template",
    abstract: "Print a request of a method, as JSON with every field to fill in.",
    discussion: """
      Examples:
        sugang rpc template Approve > request.json
        sugang rpc call pay Approve -d @request.json
      """)

  @Argument(help: "The method: PayService/Approve, its whole name, or Approve.")
  var method: String

  func run() async throws {
    let method = try MethodCatalog.known.method(named: self.method)
    Console.print(MessageTranscoder.template(for: method.request).text(.pretty))
  }
}
