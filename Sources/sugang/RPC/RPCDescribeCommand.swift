import ArgumentParser
import FramedRPCJSON

/// `sugang rpc describe`: methods and messages as a .proto file would say them.
struct RPCDescribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Show what a method, or each method of a service, takes and gives.",
    discussion: """
      Without NAME it lists every method that this build knows.

      Examples:
        sugang rpc describe PayService
        sugang rpc describe sugang.pay.v1.PayService/Approve
      """)

  @Argument(help: "A service or a method, by its whole name or its last part.")
  var name: String?

  func run() async throws {
    guard let name = self.name else {
      for method in MethodCatalog.known.methods {
        Console.print(method.fullName)
      }
      return
    }
    var text = ProtoText()
    for method in try MethodCatalog.known.methods(ofServiceOrMethod: name) {
      text.add(method)
    }
    Console.print(text.text)
  }
}

/// Methods and the messages they use, each message once.
struct ProtoText {
  private var methods: [String] = []
  private var types: [String] = []
  private var seen: Set<String> = []

  var text: String { (self.methods + self.types).joined(separator: "\n\n") }

  mutating func add(_ method: MethodCatalog.Method) {
    self.methods.append(
      "// \(method.fullName)\n"
        + "rpc \(method.name)(\(method.request.name)) returns (\(method.response.name));")
    self.add(method.request)
    self.add(method.response)
  }

  private mutating func add(_ message: MessageSchema) {
    guard self.seen.insert(message.name).inserted else { return }
    let fields = message.fields
    let alternatives = Dictionary(grouping: fields.compactMap(\.oneof)) { $0 }
    let lines = fields.map { field in
      let isAlternative = field.oneof.map { (alternatives[$0]?.count ?? 0) > 1 } ?? false
      let label = field.isRepeated ? "repeated " : field.oneof != nil ? "optional " : ""
      let json = field.jsonName == field.name ? "" : "  // JSON: \(field.jsonName)"
      let oneof = isAlternative ? "  // excludes its alternatives" : ""
      return "  \(label)\(field.kind.protoName) \(field.name) = \(field.number);\(json)\(oneof)\n"
    }
    self.types.append(
      lines.isEmpty ? "message \(message.name) {}" : "message \(message.name) {\n\(lines.joined())}"
    )
    for field in fields {
      switch field.kind {
      case .message(let nested): self.add(nested)
      case .enumeration(let values): self.add(values)
      default: break
      }
    }
  }

  private mutating func add(_ schema: EnumSchema) {
    guard self.seen.insert(schema.name).inserted else { return }
    let lines = schema.values.map { "  \($0.name) = \($0.number);\n" }
    self.types.append("enum \(schema.name) {\n\(lines.joined())}")
  }
}
