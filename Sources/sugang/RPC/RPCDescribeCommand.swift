import ArgumentParser
import FramedRPC
import FramedRPCJSON

/// `sugang rpc describe`: services, methods and messages as a .proto file would say them.
struct RPCDescribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Show services, methods and messages of a server as a .proto file would.",
    discussion: """
      SYMBOL is a service, a method, a message or an enum, by its whole name or its
      last part; without it all services are shown, without their messages.

      Examples:
        sugang rpc describe pay
        sugang rpc describe pay PayService
        sugang rpc describe pay sugang.pay.v1.PayService/Approve
        sugang rpc describe pay Payment
      """)

  @OptionGroup var server: ServerAddress

  @Argument(
    help: "A service, method, message or enum.", completion: .custom(Completion.symbols))
  var symbol: String?

  func run() async throws {
    let options = self.server.callOptions
    let text = try await self.server.withChannel { client in
      try await Self.describe(self.symbol, client, options)
    }
    Console.print(text)
  }

  private static func describe(
    _ symbol: String?, _ client: any RPCChannel, _ options: CallOptions
  ) async throws -> String {
    let catalog = try await MethodCatalog.read(from: client, options)
    guard let symbol else {
      return catalog.services.map(ProtoText.service).joined(separator: "\n\n")
    }
    if let service = try catalog.service(named: symbol) {
      let types = try await SchemaSet.read(ofService: service.name, from: client, options)
      var text = ProtoText(ProtoText.service(service))
      for method in service.methods {
        text.add(method.requestType, of: types)
        text.add(method.responseType, of: types)
      }
      return text.text
    }
    let methods = catalog.methods.filter { $0.isCalled(symbol) }
    var text = ProtoText(methods.map(ProtoText.method))
    for method in methods {
      let types = try await SchemaSet.read(ofService: method.service, from: client, options)
      text.add(method.requestType, of: types)
      text.add(method.responseType, of: types)
    }
    guard methods.isEmpty else { return text.text }
    return try await Self.describeType(symbol, catalog, client, options)
  }

  /// A whole name is asked for; of a part, all types are looked through.
  private static func describeType(
    _ symbol: String, _ catalog: MethodCatalog, _ client: any RPCChannel, _ options: CallOptions
  ) async throws -> String {
    let reflection = FramedrpcV1.ReflectionServiceClient(client)
    let all = Set(catalog.methods.flatMap { [$0.requestType, $0.responseType] })
    let answer = try await reflection.describeMessages(
      FramedrpcV1.DescribeMessagesRequest(names: all.filter { !$0.isEmpty }.sorted()),
      options: options)
    let types = try SchemaSet.made(
      of: DescribedTypes(messages: answer.messages, enums: answer.enums))
    let found = types.typeNames.filter { $0 == symbol || $0.hasSuffix(".\(symbol)") }
    guard !found.isEmpty else {
      throw catalog.nothing(named: symbol, amongTypes: types.typeNames)
    }
    var text = ProtoText()
    for name in found {
      text.add(name, of: types)
    }
    return text.text
  }
}
