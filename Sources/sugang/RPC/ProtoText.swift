import FramedRPC
import FramedRPCJSON

/// Services, methods and the messages they use, each once, as a .proto file would say them.
struct ProtoText {
  private var parts: [String]
  private var seen: Set<String> = []

  init(_ parts: [String] = []) {
    self.parts = parts
  }

  init(_ part: String) {
    self.init([part])
  }

  var text: String { self.parts.joined(separator: "\n\n") }

  static func service(_ service: FramedrpcV1.ServiceSchema) -> String {
    let fingerprint = service.fingerprint.isEmpty ? "" : "// schema \(service.fingerprint)\n"
    let methods = service.methods.map { "  \(Self.line($0))\n" }
    return "\(fingerprint)service \(service.name) {\n\(methods.joined())}"
  }

  static func method(_ method: MethodCatalog.Method) -> String {
    "// \(method.fullName)\n"
      + Self.line(
        FramedrpcV1.MethodSchema(
          name: method.name, kind: method.kind, requestType: method.requestType,
          responseType: method.responseType))
  }

  private static func line(_ method: FramedrpcV1.MethodSchema) -> String {
    let takes = method.kind.streamsRequests ? "stream " : ""
    let gives = method.kind.streamsResponses ? "stream " : ""
    return "rpc \(method.name)(\(takes)\(method.requestType)) "
      + "returns (\(gives)\(method.responseType));"
  }

  /// A message or an enum, and all that it reaches.
  mutating func add(_ name: String, of types: SchemaSet) {
    guard self.seen.insert(name).inserted else { return }
    if let enumeration = types.enumeration(named: name) {
      let lines = enumeration.values.map { "  \($0.name) = \($0.number);\n" }
      self.parts.append("enum \(name) {\n\(lines.joined())}")
    }
    guard let message = types.message(named: name) else { return }
    let alternatives = Dictionary(grouping: message.fields.compactMap(\.oneof)) { $0 }
    let lines = message.fields.map { field in
      let isAlternative = field.oneof.map { (alternatives[$0]?.count ?? 0) > 1 } ?? false
      let label = field.isRepeated ? "repeated " : field.oneof != nil ? "optional " : ""
      let json = field.jsonName == field.name ? "" : "  // JSON: \(field.jsonName)"
      let oneof = isAlternative ? "  // excludes its alternatives" : ""
      return "  \(label)\(field.kind.protoName) \(field.name) = \(field.number);\(json)\(oneof)\n"
    }
    self.parts.append(
      lines.isEmpty ? "message \(name) {}" : "message \(name) {\n\(lines.joined())}")
    for field in message.fields {
      switch field.kind {
      case .message(let nested): self.add(nested, of: types)
      case .enumeration(let values): self.add(values.name, of: types)
      default: break
      }
    }
  }
}

extension FramedrpcV1.MethodKind {
  var streamsRequests: Bool { self == .clientStreaming || self == .bidirectional }
  var streamsResponses: Bool { self == .serverStreaming || self == .bidirectional }
}
