import JSON

/// JSON → protobuf bytes.
struct JSONToWire {
  let mapping: JSONMapping

  func message(
    _ object: JSONObject, as schema: MessageSchema
  ) throws(TranscodingError) -> [UInt8] {
    var values: [(field: FieldSchema, value: JSONValue)] = []
    for member in object.members {
      guard let field = schema.field(jsonName: member.name) else {
        if self.mapping.ignoresUnknownFields { continue }
        throw Self.unknownField(member.name, schema)
      }
      if let twin = values.first(where: { $0.field.number == field.number }) {
        throw TranscodingError(
          "\(member.name) and \(twin.field.jsonName) are two names of one field; give one")
      }
      guard !member.value.isNull else { continue }
      if let oneof = field.oneof, let other = values.first(where: { $0.field.oneof == oneof }) {
        throw TranscodingError(
          "\(other.field.jsonName) and \(field.jsonName) exclude each other; give one")
      }
      values.append((field, member.value))
    }
    var writer = WireWriter()
    for (field, value) in values.sorted(by: { $0.field.number < $1.field.number }) {
      do throws(TranscodingError) {
        try self.write(value, field, schema, into: &writer)
      } catch {
        throw error.inside(field.jsonName)
      }
    }
    return writer.bytes
  }

  private static func unknownField(_ name: String, _ schema: MessageSchema) -> TranscodingError {
    let known = schema.fields.map(\.jsonName)
    return TranscodingError(
      known.isEmpty
        ? "\(schema.name) has no field '\(name)'; it has no fields"
        : "\(schema.name) has no field '\(name)'; its fields are \(known.joined(separator: ", "))")
  }

  private func write(
    _ value: JSONValue, _ field: FieldSchema, _ schema: MessageSchema,
    into writer: inout WireWriter
  ) throws(TranscodingError) {
    guard field.isRepeated else {
      let wire = try self.value(value, field.kind, schema)
      writer.tag(field.number, wire.type)
      return writer.append(wire)
    }
    guard case .array(let elements) = value else {
      throw TranscodingError("expected an array, not \(value.kindInWords)")
    }
    var packed = WireWriter()
    var isPacked = false
    for (index, element) in elements.enumerated() {
      let wire: WireValue
      do throws(TranscodingError) {
        wire = try self.value(element, field.kind, schema)
      } catch {
        throw error.inside("[\(index)]")
      }
      if case .bytes = wire {
        writer.tag(field.number, .lengthPrefixed)
        writer.append(wire)
      } else {
        isPacked = true
        packed.append(wire)
      }
    }
    if isPacked {
      writer.tag(field.number, .lengthPrefixed)
      writer.lengthPrefixed(packed.bytes)
    }
  }

  private func value(
    _ value: JSONValue, _ kind: FieldKind, _ parent: MessageSchema
  ) throws(TranscodingError) -> WireValue {
    switch kind {
    case .bool:
      guard let flag = value.bool else { throw Self.expected("true or false", value) }
      return .varint(flag ? 1 : 0)
    case .integer(let kind): return try Self.integer(value, kind)
    case .double: return .fixed64(try Self.real(value).bitPattern)
    case .float: return .fixed32(try Self.single(value).bitPattern)
    case .string:
      guard let text = value.string else { throw Self.expected("a string", value) }
      guard !text.utf8.contains(0) else { throw TranscodingError("contains a NUL") }
      return .bytes(Array(text.utf8)[...])
    case .bytes:
      guard let text = value.string, let bytes = Base64.decode(text) else {
        throw Self.expected("a string of base64", value)
      }
      return .bytes(bytes[...])
    case .enumeration(let schema): return try Self.enumeration(value, schema)
    case .message(let name):
      guard case .object(let object) = value else {
        throw Self.expected("an object (\(name))", value)
      }
      return .bytes(try self.message(object, as: parent.nested(name))[...])
    }
  }

  private static func expected(_ what: String, _ value: JSONValue) -> TranscodingError {
    switch value {
    case .string(let text): TranscodingError("expected \(what), not \"\(text)\"")
    case .number(let literal): TranscodingError("expected \(what), not \(literal)")
    default: TranscodingError("expected \(what), not \(value.kindInWords)")
    }
  }

  // MARK: numbers

  private static func integer(
    _ value: JSONValue, _ kind: IntegerKind
  ) throws(TranscodingError) -> WireValue {
    switch kind {
    case .int32: .varint(UInt64(bitPattern: Int64(try self.integer(value, Int32.self))))
    case .int64: .varint(UInt64(bitPattern: try self.integer(value, Int64.self)))
    case .uint32: .varint(UInt64(try self.integer(value, UInt32.self)))
    case .uint64: .varint(try self.integer(value, UInt64.self))
    case .sint32: .varint(self.zigzag(Int64(try self.integer(value, Int32.self))))
    case .sint64: .varint(self.zigzag(try self.integer(value, Int64.self)))
    case .fixed32: .fixed32(try self.integer(value, UInt32.self))
    case .sfixed32: .fixed32(UInt32(bitPattern: try self.integer(value, Int32.self)))
    case .fixed64: .fixed64(try self.integer(value, UInt64.self))
    case .sfixed64: .fixed64(UInt64(bitPattern: try self.integer(value, Int64.self)))
    }
  }

  private static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: value << 1 ^ value >> 63)
  }

  /// A plain integer, or one that is written with a fraction of zeros or an exponent.
  private static func integer<Integer: FixedWidthInteger>(
    _ value: JSONValue, _ type: Integer.Type
  ) throws(TranscodingError) -> Integer {
    if let literal = self.literal(value) {
      if let integer = Integer(literal) { return integer }
      if let real = Double(literal), abs(real) <= 0x1p53, let integer = Integer(exactly: real) {
        return integer
      }
    }
    throw Self.expected("an integer from \(Integer.min) to \(Integer.max)", value)
  }

  private static func real(_ value: JSONValue) throws(TranscodingError) -> Double {
    guard let literal = self.literal(value), let real = self.real(literal) else {
      throw Self.expected("a number", value)
    }
    return real
  }

  private static func single(_ value: JSONValue) throws(TranscodingError) -> Float {
    let real = try self.real(value)
    let single = Float(real)
    guard single.isFinite || !real.isFinite else {
      throw Self.expected("a number that fits a float", value)
    }
    return single
  }

  private static func real(_ literal: String) -> Double? {
    switch literal {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default:
      guard let real = Double(literal), real.isFinite else { return nil }
      return real
    }
  }

  private static func literal(_ value: JSONValue) -> String? {
    switch value {
    case .number(let literal), .string(let literal): literal
    default: nil
    }
  }

  private static func enumeration(
    _ value: JSONValue, _ schema: EnumSchema
  ) throws(TranscodingError) -> WireValue {
    if let name = value.string, let known = schema.values.first(where: { $0.name == name }) {
      return .varint(UInt64(bitPattern: Int64(known.number)))
    }
    if case .number = value {
      return try self.integer(value, .int32)
    }
    let names = schema.values.map(\.name).joined(separator: ", ")
    throw Self.expected("one of \(names)", value)
  }
}
