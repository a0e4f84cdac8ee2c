/// Writes the Swift value of a message, its two translations to and from the C struct, and the way to
/// its codec.
struct MessageEmitter {
  let message: Message

  func emit(_ writer: inout SwiftWriter) {
    writer.documentation(self.message.comment)
    writer.block("public struct \(self.message.name): GeneratedMessage {") { writer in
      self.emitProperties(&writer)
      self.emitInitialiser(&writer)
      self.emitDescriptor(&writer)
      self.emitFill(&writer)
      self.emitRead(&writer)
      writer.line()
      self.emitCodec(&writer)
    }
  }

  private var cType: String { Naming.cType(self.message.fullName) }
  private var cFunction: String { Naming.cFunction(self.message.fullName) }

  private func emitProperties(_ writer: inout SwiftWriter) {
    for field in self.message.fields {
      writer.documentation(field.comment)
      writer.line("public var \(field.property): \(field.swiftType)")
    }
    if !self.message.fields.isEmpty {
      writer.line()
    }
  }

  private func emitInitialiser(_ writer: inout SwiftWriter) {
    let parameters = self.message.fields.map {
      "\($0.property): \($0.swiftType) = \($0.defaultValue)"
    }
    guard !parameters.isEmpty else {
      writer.line("public init() {}")
      writer.line()
      return
    }
    writer.line("public init(")
    for (index, parameter) in parameters.enumerated() {
      writer.line("  \(parameter)\(index == parameters.count - 1 ? "" : ",")")
    }
    writer.block(") {") { writer in
      for field in self.message.fields {
        writer.line("self.\(field.property) = \(field.property)")
      }
    }
    writer.line()
  }

  /// A C constant has no address in Swift; an initialised struct knows its descriptor.
  private func emitDescriptor(_ writer: inout SwiftWriter) {
    writer.block(
      "public nonisolated(unsafe) static let cDescriptor: "
        + "UnsafePointer<ProtobufCMessageDescriptor> = {", closing: "}()"
    ) { writer in
      writer.line("var message = \(self.cType)()")
      writer.line("\(self.cFunction)__init(&message)")
      writer.line("return message.base.descriptor")
    }
    writer.line()
  }

  private func emitFill(_ writer: inout SwiftWriter) {
    writer.block(
      "public func fill(_ pointer: UnsafeMutablePointer<\(self.cType)>, arena: MessageArena) "
        + "throws(CodecError) {"
    ) { writer in
      writer.line("\(self.cFunction)__init(pointer)")
      for field in self.message.fields {
        field.emitFill(&writer)
      }
    }
    writer.line()
  }

  private func emitRead(_ writer: inout SwiftWriter) {
    writer.block("public init(_ pointer: UnsafePointer<\(self.cType)>) {") { writer in
      for field in self.message.fields {
        writer.line("self.\(field.property) = \(field.readExpression)")
      }
    }
  }
}

extension MessageEmitter {
  /// The functions that ``CodecEmitter`` writes.
  private func emitCodec(_ writer: inout SwiftWriter) {
    writer.block(
      "public static func decode(_ decoder: UnsafeMutablePointer<framed_rpc_decoder>, "
        + "_ at: UnsafePointer<UInt8>?, _ end: UnsafePointer<UInt8>?, "
        + "_ pointer: UnsafeMutablePointer<\(self.cType)>) -> Bool {"
    ) { $0.line("\(self.cFunction)__decode(decoder, at, end, pointer) != 0") }
    writer.line()
    writer.block("public static func size(_ pointer: UnsafePointer<\(self.cType)>) -> Int {") {
      $0.line("\(self.cFunction)__size(pointer)")
    }
    writer.line()
    writer.block(
      "public static func write(_ pointer: UnsafePointer<\(self.cType)>, "
        + "_ end: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {"
    ) { $0.line("\(self.cFunction)__write(pointer, end)") }
  }
}

extension Field {
  var property: String { Naming.property(self.name) }

  private var elementType: String {
    switch self.kind {
    case .bool: "Bool"
    case .number(let type): type
    case .string: "String"
    case .bytes: "[UInt8]"
    case .message(let name), .enumeration(let name): Naming.swiftType(name)
    }
  }

  private var isMessage: Bool {
    if case .message = self.kind { true } else { false }
  }

  var swiftType: String {
    if self.isRepeated { return "[\(self.elementType)]" }
    return self.isMessage || self.presence != nil ? "\(self.elementType)?" : self.elementType
  }

  var defaultValue: String {
    if self.isRepeated { return "[]" }
    if self.isMessage || self.presence != nil { return "nil" }
    return switch self.kind {
    case .bool: "false"
    case .number: "0"
    case .string: "\"\""
    case .bytes: "[]"
    case .enumeration: ".init(rawValue: 0)"
    case .message: "nil"
    }
  }

  // MARK: Swift → C

  func emitFill(_ writer: inout SwiftWriter) {
    if self.isRepeated {
      writer.line("pointer.pointee.n_\(self.name) = self.\(self.property).count")
      writer.line("pointer.pointee.\(self.name) = \(self.repeatedCExpression)")
    } else if let presence = self.presence {
      writer.block("if let value = self.\(self.property) {") { writer in
        writer.line("pointer.pointee.\(presence)_case = .init(rawValue: \(self.number))")
        writer.line("pointer.pointee.\(self.name) = \(self.cExpression("value"))")
      }
    } else if self.isMessage {
      writer.block("if let value = self.\(self.property) {") { writer in
        writer.line("pointer.pointee.\(self.name) = \(self.cExpression("value"))")
      }
    } else if self.kind == .string {
      // The initialised struct already has an empty string.
      writer.block("if !self.\(self.property).isEmpty {") { writer in
        writer.line("pointer.pointee.\(self.name) = \(self.cExpression("self.\(self.property)"))")
      }
    } else {
      writer.line("pointer.pointee.\(self.name) = \(self.cExpression("self.\(self.property)"))")
    }
  }

  private func cExpression(_ value: String) -> String {
    switch self.kind {
    case .bool: "\(value) ? 1 : 0"
    case .number: value
    case .string: "try arena.string(\(value), field: \"\(self.name)\")"
    case .bytes: "try arena.bytes(\(value))"
    case .message: "try arena.message(\(value))"
    case .enumeration(let name):
      "\(Naming.cType(name))(rawValue: UInt32(bitPattern: \(value).rawValue))"
    }
  }

  private var repeatedCExpression: String {
    let values = "self.\(self.property)"
    return switch self.kind {
    case .bool, .enumeration: "try arena.scalars(\(values)) { \(self.cExpression("$0")) }"
    case .number: "try arena.scalars(\(values))"
    case .string: "try arena.strings(\(values), field: \"\(self.name)\")"
    case .bytes: "try arena.byteStrings(\(values))"
    case .message: "try arena.messages(\(values))"
    }
  }

  // MARK: C → Swift

  var readExpression: String {
    let field = "pointer.pointee.\(self.name)"
    if self.isRepeated {
      let elements = "\(field), pointer.pointee.n_\(self.name)"
      return switch self.kind {
      case .message: "messageFields(\(elements))"
      case .number: "Array(repeatedField(\(elements)))"
      default: "repeatedField(\(elements)).map { \(self.swiftExpression("$0")) }"
      }
    }
    if let presence = self.presence {
      return
        "pointer.pointee.\(presence)_case.rawValue == \(self.number) "
        + "? \(self.swiftExpression(field)) : nil"
    }
    return self.isMessage
      ? "\(field).map { \(self.swiftExpression("$0")) }" : self.swiftExpression(field)
  }

  private func swiftExpression(_ value: String) -> String {
    switch self.kind {
    case .bool: "\(value) != 0"
    case .number: value
    case .string: "stringField(\(value))"
    case .bytes: "bytesField(\(value))"
    case .message: "\(self.elementType)(\(value))"
    case .enumeration: "\(self.elementType)(rawValue: Int32(bitPattern: \(value).rawValue))"
    }
  }
}
