package import CProtobufC

/// Messages and enums as reflection describes them, each once, read from C descriptors or from a
/// server's answer.
///
/// A worklist, not a recursion, so that messages may contain themselves and each other.
package struct DescribedTypes: Sendable {
  package private(set) var messages: [String: FramedrpcV1.MessageSchema] = [:]
  package private(set) var enums: [String: FramedrpcV1.EnumSchema] = [:]

  package init() {}

  package init(messages: [FramedrpcV1.MessageSchema], enums: [FramedrpcV1.EnumSchema]) {
    for message in messages {
      self.messages[message.name] = message
    }
    for enumeration in enums {
      self.enums[enumeration.name] = enumeration
    }
  }

  /// All that the methods of a service take and give.
  init(of service: ServiceDescriptor) {
    for method in service.methods {
      self.add(method.request.cDescriptor)
      self.add(method.response.cDescriptor)
    }
  }

  /// A message and all that it reaches.
  package mutating func add(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) {
    var pending = [descriptor]
    while let next = pending.popLast() {
      let name = String(cString: next.pointee.name)
      guard self.messages[name] == nil else { continue }
      var fields: [FramedrpcV1.FieldSchema] = []
      var oneofs: [UInt32] = []
      for field in next.fields {
        let type: String
        switch field.type {
        case PROTOBUF_C_TYPE_MESSAGE:
          let nested = field.descriptor.assumingMemoryBound(
            to: ProtobufCMessageDescriptor.self)
          pending.append(nested)
          type = String(cString: nested.pointee.name)
        case PROTOBUF_C_TYPE_ENUM:
          let nested = field.descriptor.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)
          type = self.add(nested.pointee)
        default:
          type = Self.scalarName(field.type)
        }
        fields.append(
          FramedrpcV1.FieldSchema(
            name: String(cString: field.name), number: field.id, type: type,
            isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED,
            oneof: Self.oneof(of: field, &oneofs)))
      }
      self.messages[name] = FramedrpcV1.MessageSchema(name: name, fields: fields)
    }
  }

  private mutating func add(_ descriptor: ProtobufCEnumDescriptor) -> String {
    let name = String(cString: descriptor.name)
    if self.enums[name] == nil {
      // `values` is sorted by number and has no value twice: of aliases it has the first.
      let values = UnsafeBufferPointer(
        start: descriptor.values, count: Int(descriptor.n_values)
      ).map {
        FramedrpcV1.EnumValueSchema(
          name: String(cString: $0.name), number: Int32($0.value))
      }
      self.enums[name] = FramedrpcV1.EnumSchema(name: name, values: values)
    }
    return name
  }

  /// The descriptor knows oneofs by the place of the struct member that tells which alternative is
  /// set; numbered here in their order, from 1.
  private static func oneof(
    of field: ProtobufCFieldDescriptor, _ seen: inout [UInt32]
  ) -> UInt32 {
    guard field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue != 0 else { return 0 }
    let place = field.quantifier_offset
    if let index = seen.firstIndex(of: place) { return UInt32(index + 1) }
    seen.append(place)
    return UInt32(seen.count)
  }

  private static func scalarName(_ type: ProtobufCType) -> String {
    switch type {
    case PROTOBUF_C_TYPE_BOOL: "bool"
    case PROTOBUF_C_TYPE_FLOAT: "float"
    case PROTOBUF_C_TYPE_DOUBLE: "double"
    case PROTOBUF_C_TYPE_STRING: "string"
    case PROTOBUF_C_TYPE_BYTES: "bytes"
    case PROTOBUF_C_TYPE_INT32: "int32"
    case PROTOBUF_C_TYPE_SINT32: "sint32"
    case PROTOBUF_C_TYPE_SFIXED32: "sfixed32"
    case PROTOBUF_C_TYPE_UINT32: "uint32"
    case PROTOBUF_C_TYPE_FIXED32: "fixed32"
    case PROTOBUF_C_TYPE_SINT64: "sint64"
    case PROTOBUF_C_TYPE_SFIXED64: "sfixed64"
    case PROTOBUF_C_TYPE_UINT64: "uint64"
    case PROTOBUF_C_TYPE_FIXED64: "fixed64"
    default: "int64"
    }
  }

  /// What `names` reach, themselves included.
  package func reached(from names: [String]) -> DescribedTypes {
    var reached = DescribedTypes()
    var pending = names
    while let name = pending.popLast() {
      if let message = self.messages[name], reached.messages[name] == nil {
        reached.messages[name] = message
        pending += message.fields.map(\.type)
      } else if let enumeration = self.enums[name] {
        reached.enums[name] = enumeration
      }
    }
    return reached
  }

  package mutating func merge(_ other: DescribedTypes) {
    self.messages.merge(other.messages) { mine, _ in mine }
    self.enums.merge(other.enums) { mine, _ in mine }
  }

  package func contains(_ name: String) -> Bool {
    self.messages[name] != nil || self.enums[name] != nil
  }

  package var sortedMessages: [FramedrpcV1.MessageSchema] {
    self.messages.values.sorted { $0.name < $1.name }
  }

  package var sortedEnums: [FramedrpcV1.EnumSchema] {
    self.enums.values.sorted { $0.name < $1.name }
  }
}

extension FramedrpcV1.ServiceSchema {
  init(_ service: ServiceDescriptor) {
    self.init(
      name: service.name,
      methods: service.methods.map { method in
        FramedrpcV1.MethodSchema(
          name: String(method.fullName.drop { $0 != "/" }.dropFirst()),
          kind: FramedrpcV1.MethodKind(method.kind),
          requestType: method.request.messageName, responseType: method.response.messageName)
      })
    self.fingerprint = self.fingerprint(DescribedTypes(of: service))
  }

  /// FNV-1a with 64 bits of a text that has every method, message and enum in the order of their
  /// names. It finds a change, it does not withstand who looks for two schemas with one value.
  private func fingerprint(_ types: DescribedTypes) -> String {
    var text = "service \(self.name)\n"
    for method in self.methods.sorted(by: { $0.name < $1.name }) {
      text += "rpc \(method.name) \(method.kind.rawValue) "
      text += "\(method.requestType) \(method.responseType)\n"
    }
    for message in types.sortedMessages {
      text += "message \(message.name)\n"
      for field in message.fields.sorted(by: { $0.number < $1.number }) {
        text += "\(field.number) \(field.name) \(field.type) \(field.isRepeated) \(field.oneof)\n"
      }
    }
    for enumeration in types.sortedEnums {
      text += "enum \(enumeration.name)\n"
      for value in enumeration.values.sorted(by: { $0.number < $1.number }) {
        text += "\(value.number) \(value.name)\n"
      }
    }
    let digits = String(MethodHash.hash(text), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension FramedrpcV1.MethodKind {
  init(_ kind: RPCKind) {
    switch kind {
    case .unary: self = .unary
    case .serverStreaming: self = .serverStreaming
    case .clientStreaming: self = .clientStreaming
    case .bidirectional: self = .bidirectional
    }
  }

  /// Nil for a kind that only a newer server has.
  package var rpcKind: RPCKind? {
    switch self {
    case .unary: .unary
    case .serverStreaming: .serverStreaming
    case .clientStreaming: .clientStreaming
    case .bidirectional: .bidirectional
    default: nil
    }
  }
}
