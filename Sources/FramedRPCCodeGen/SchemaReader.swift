import CDescriptorProtos
import CProtobufC

/// Reads protoc's descriptors into a ``Schema`` and refuses what protobuf-c 1.4.1 or Swift cannot
/// carry, with the reason.
struct SchemaReader {
  private var comments: [[Int32]: String] = [:]
  private var fileName = ""

  static func read(_ request: Google__Protobuf__Compiler__CodeGeneratorRequest) throws -> Schema {
    var schema = Schema()
    for file in items(request.proto_file, request.n_proto_file) {
      let file = file.pointee
      var reader = SchemaReader()
      reader.fileName = text(file.name)
      reader.readComments(file)
      try reader.read(file, into: &schema)
    }
    try RecursionCheck.check(schema)
    try NameCheck.check(schema)
    return schema
  }

  private mutating func readComments(_ file: Google__Protobuf__FileDescriptorProto) {
    guard let info = file.source_code_info else { return }
    for location in items(info.pointee.location, info.pointee.n_location) {
      guard let comment = location.pointee.leading_comments else { continue }
      let path = Array(
        UnsafeBufferPointer(start: location.pointee.path, count: location.pointee.n_path))
      self.comments[path] = text(comment)
    }
  }

  private func fail(_ place: String, _ reason: String) -> SchemaError {
    SchemaError(place: "\(self.fileName): \(place)", reason: reason)
  }

  private func read(
    _ file: Google__Protobuf__FileDescriptorProto, into schema: inout Schema
  ) throws {
    let packageName = text(file.package)
    guard text(file.syntax) == "proto3" else {
      throw self.fail("syntax", "only proto3 is supported")
    }
    for part in packageName.split(separator: ".") {
      try self.check(name: String(part), "package \(packageName)")
    }
    var index = schema.packages.firstIndex { $0.name == packageName }
    if index == nil {
      schema.packages.append(Package(name: packageName))
      index = schema.packages.count - 1
    }
    guard let index else { return }
    for (number, message) in items(file.message_type, file.n_message_type).enumerated() {
      schema.packages[index].messages.append(
        try self.read(message.pointee, packageName, path: [4, Int32(number)]))
    }
    for (number, enumeration) in items(file.enum_type, file.n_enum_type).enumerated() {
      schema.packages[index].enums.append(
        try self.read(enumeration.pointee, packageName, path: [5, Int32(number)]))
    }
    for (number, service) in items(file.service, file.n_service).enumerated() {
      schema.packages[index].services.append(
        try self.read(service.pointee, packageName, path: [6, Int32(number)]))
    }
  }

  private func read(
    _ message: Google__Protobuf__DescriptorProto, _ package: String, path: [Int32]
  ) throws -> Message {
    let name = text(message.name)
    try self.check(type: name, "message \(name)")
    guard message.n_nested_type == 0, message.n_enum_type == 0 else {
      throw self.fail(
        "message \(name)", "nested types and maps are not supported; declare them at the top")
    }
    let oneofs = items(message.oneof_decl, message.n_oneof_decl).map { text($0.pointee.name) }
    for oneof in oneofs {
      try self.check(name: oneof, "oneof \(name).\(oneof)")
    }
    var memberCounts = [Int](repeating: 0, count: oneofs.count)
    let descriptors = items(message.field, message.n_field)
    for field in descriptors where field.pointee.has_oneof_index != 0 {
      memberCounts[Int(field.pointee.oneof_index)] += 1
    }
    if let many = memberCounts.firstIndex(where: { $0 > 1 }) {
      throw self.fail(
        "message \(name)",
        "oneof \(oneofs[many]) has more than one member; only presence oneofs are supported")
    }
    let fields = try descriptors.enumerated().map { number, field in
      try self.read(
        field.pointee, in: name, oneofs: oneofs, path: path + [2, Int32(number)])
    }
    return Message(
      file: Naming.withoutEnding(self.fileName), fullName: "\(package).\(name)", name: name,
      comment: self.comments[path], fields: fields)
  }

  private func read(
    _ field: Google__Protobuf__FieldDescriptorProto, in message: String, oneofs: [String],
    path: [Int32]
  ) throws -> Field {
    let name = text(field.name)
    let place = "field \(message).\(name)"
    try self.check(name: name, place)
    try self.check(name: Naming.property(name), place)
    guard field.proto3_optional == 0 else {
      throw self.fail(
        place, "protoc-c 1.4.1 refuses proto3 optional; wrap the field in a one-member oneof")
    }
    let isRepeated =
      field.label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED
    let wire = Self.wire(of: field)
    // proto3 packs what can be packed, unless told not to.
    let mayPack = field.options.map { $0.pointee.has_packed == 0 || $0.pointee.packed != 0 } ?? true
    return Field(
      name: name, number: field.number, comment: self.comments[path],
      kind: try self.kind(of: field, place), wire: wire, isRepeated: isRepeated,
      isPacked: isRepeated && wire != .delimited && mayPack,
      presence: field.has_oneof_index != 0 ? oneofs[Int(field.oneof_index)] : nil)
  }

  private func kind(
    of field: Google__Protobuf__FieldDescriptorProto, _ place: String
  ) throws -> Field.Kind {
    let typeName = field.type_name.map { String(text($0).dropFirst()) } ?? ""
    return switch field.type {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL: .bool
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING: .string
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES: .bytes
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE: .message(typeName)
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM: .enumeration(typeName)
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED32:
      .number("Int32")
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED64:
      .number("Int64")
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED32:
      .number("UInt32")
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED64:
      .number("UInt64")
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE: .number("Double")
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT: .number("Float")
    default: throw self.fail(place, "this type of field is not supported")
    }
  }

  private static func wire(of field: Google__Protobuf__FieldDescriptorProto) -> Field.Wire {
    switch field.type {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE:
      .delimited
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT:
      .fixed(bytes: 4)
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FIXED64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SFIXED64,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE:
      .fixed(bytes: 8)
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32,
      GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64:
      .zigzag
    default: .plain
    }
  }

  private func read(
    _ enumeration: Google__Protobuf__EnumDescriptorProto, _ package: String, path: [Int32]
  ) throws -> Enum {
    let name = text(enumeration.name)
    try self.check(type: name, "enum \(name)")
    let values = try items(enumeration.value, enumeration.n_value).enumerated().map {
      let value = text($1.pointee.name)
      try self.check(name: Naming.enumCase(value, of: name), "value \(name).\(value)")
      return Enum.Value(
        name: value, number: $1.pointee.number,
        comment: self.comments[path + [2, Int32($0)]])
    }
    return Enum(
      fullName: "\(package).\(name)", name: name, comment: self.comments[path], values: values)
  }

  private func read(
    _ service: Google__Protobuf__ServiceDescriptorProto, _ package: String, path: [Int32]
  ) throws -> Service {
    let name = text(service.name)
    try self.check(type: name, "service \(name)")
    let methods = try items(service.method, service.n_method).enumerated().map {
      let method = $1.pointee
      let methodName = text(method.name)
      try self.check(name: methodName, "rpc \(name).\(methodName)")
      return Service.Method(
        name: methodName, comment: self.comments[path + [2, Int32($0)]],
        input: String(text(method.input_type).dropFirst()),
        output: String(text(method.output_type).dropFirst()),
        clientStreams: method.client_streaming != 0, serverStreams: method.server_streaming != 0)
    }
    return Service(
      fullName: "\(package).\(name)", name: name, comment: self.comments[path], methods: methods)
  }

  private func check(name: String, _ place: String) throws {
    guard let first = name.utf8.first, first == UInt8(ascii: "_") || isASCIILetter(first) else {
      throw self.fail(place, "'\(name)' is no name in Swift: it must begin with a letter")
    }
    guard !Keywords.isReserved(name) else {
      throw self.fail(
        place, "'\(name)' is a keyword in C, C++, Python or Swift, and breaks code there")
    }
  }

  private func check(type name: String, _ place: String) throws {
    try self.check(name: name, place)
    guard !Keywords.isReservedType(name) else {
      throw self.fail(
        place, "'\(name)' is not possible as a type in Swift, or hides one that is needed")
    }
  }
}

/// Two things may not get one name in Swift, though they have two in the .proto file.
private enum NameCheck {
  static func check(_ schema: Schema) throws {
    for package in schema.packages {
      try Self.checkUnique(
        package.messages.map(\.name) + package.enums.map(\.name)
          + package.services.flatMap { [$0.name, "\($0.name)Handler", "\($0.name)Client"] },
        in: "package \(package.name)")
      for message in package.messages {
        try Self.checkUnique(
          ["hashValue"] + message.fields.map(\.property), in: "message \(message.name)")
      }
      for enumeration in package.enums {
        try Self.checkUnique(
          enumeration.values.map { Naming.enumCase($0.name, of: enumeration.name) },
          in: "enum \(enumeration.name)")
      }
      for service in package.services {
        try Self.checkUnique(
          ["descriptor"] + service.methods.map { Naming.method($0.name) },
          in: "service \(service.name)")
      }
    }
  }

  private static func checkUnique(_ names: [String], in place: String) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw SchemaError(place: place, reason: "'\(name)' would be declared twice in Swift")
    }
  }
}

/// protobuf-c has no depth limit, so a message that contains itself could crash its reader.
enum RecursionCheck {
  static func check(_ schema: Schema) throws {
    let messages = Dictionary(
      uniqueKeysWithValues: schema.packages.flatMap(\.messages).map { ($0.fullName, $0) })
    for message in messages.values {
      try Self.visit(message, path: [message.fullName], messages)
    }
  }

  private static func visit(
    _ message: Message, path: [String], _ messages: [String: Message]
  ) throws {
    for case .message(let name) in message.fields.map(\.kind) {
      guard !path.contains(name) else {
        throw SchemaError(
          place: "message \(name)",
          reason: "recursive messages are refused: \((path + [name]).joined(separator: " → "))")
      }
      if let next = messages[name] {
        try Self.visit(next, path: path + [name], messages)
      }
    }
  }
}

/// The elements of a repeated field of messages.
private func items<Element>(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?, _ count: Int
) -> [UnsafeMutablePointer<Element>] {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count).compactMap(\.self)
}

private func text(_ string: UnsafeMutablePointer<CChar>?) -> String {
  string.map { String(cString: $0) } ?? ""
}

private func isASCIILetter(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}
