internal import FramedRPC
import JSON

/// Protobuf bytes → JSON. Fields that nobody knows are left out.
///
/// The bytes are not trusted: what ``MessageScanner`` refuses for generated code is refused here
/// (depth, number of elements, UTF-8, NUL, a message that comes twice), since a described message
/// has no C descriptor to scan by.
struct WireToJSON {
  private let mapping: JSONMapping
  private let limits: DecodeLimits
  private var elementsLeft: Int

  init(mapping: JSONMapping, limits: DecodeLimits) {
    self.mapping = mapping
    self.limits = limits
    self.elementsLeft = limits.maxElements
  }

  mutating func message(
    _ bytes: ArraySlice<UInt8>, as schema: MessageSchema, depth: Int = 1
  ) throws(TranscodingError) -> JSONValue {
    guard depth <= self.limits.maxDepth else { throw TranscodingError("\(CodecError.tooDeep)") }
    let fields = schema.fields
    var single: [UInt32: JSONValue] = [:]
    var lists: [UInt32: [JSONValue]] = [:]
    var chosen: [UInt32: UInt32] = [:]
    var reader = WireReader(bytes)
    while !reader.isAtEnd {
      let (number, value) = try reader.field()
      try self.spend(1)
      guard let field = fields.first(where: { $0.number == number }) else { continue }
      if case .message = field.kind, !field.isRepeated, single[number] != nil {
        throw TranscodingError("\(CodecError.repeatedMessage(field: field.name))")
      }
      do throws(TranscodingError) {
        // Each as it comes, so that one that another replaces is checked too.
        if field.isRepeated {
          try self.elements(value, field.kind, schema, depth, into: &lists[number, default: []])
        } else {
          single[number] = try self.value(value, field.kind, schema, depth)
        }
      } catch {
        throw error.inside(field.jsonName)
      }
      if let oneof = field.oneof {
        // The last alternative wins, and a message begins anew when another stood between.
        if let other = chosen.updateValue(number, forKey: oneof), other != number {
          single[other] = nil
        }
      }
    }
    var object = JSONObject()
    for field in fields {
      if field.isRepeated {
        object.append(field.jsonName, .array(lists[field.number] ?? []))
      } else if let value = single[field.number] {
        object.append(field.jsonName, value)
      } else if field.hasNoPresence {
        object.append(field.jsonName, self.defaultValue(field.kind))
      }
    }
    return .object(object)
  }

  private mutating func spend(_ elements: Int) throws(TranscodingError) {
    self.elementsLeft -= elements
    guard self.elementsLeft >= 0 else { throw TranscodingError("\(CodecError.tooManyElements)") }
  }

  /// What `value` adds to a repeated field: one element, or those of a packed field.
  private mutating func elements(
    _ value: WireValue, _ kind: FieldKind, _ schema: MessageSchema, _ depth: Int,
    into elements: inout [JSONValue]
  ) throws(TranscodingError) {
    guard case .bytes(let content) = value, let type = kind.packedType else {
      return elements.append(try self.value(value, kind, schema, depth))
    }
    var reader = WireReader(content)
    while !reader.isAtEnd {
      try self.spend(1)
      elements.append(try self.value(try reader.value(type), kind, schema, depth))
    }
  }

  private mutating func value(
    _ value: WireValue, _ kind: FieldKind, _ schema: MessageSchema, _ depth: Int
  ) throws(TranscodingError) -> JSONValue {
    switch (kind, value) {
    case (.bool, .varint(let bits)): return .bool(bits != 0)
    case (.integer(let kind), _): return try self.integer(value, kind)
    case (.enumeration(let schema), .varint(let bits)): return Self.enumeration(bits, schema)
    case (.double, .fixed64(let bits)):
      let real = Double(bitPattern: bits)
      return Self.real(real, "\(real)")
    case (.float, .fixed32(let bits)):
      let real = Float(bitPattern: bits)
      return Self.real(Double(real), "\(real)")
    case (.string, .bytes(let content)): return .string(try Self.text(content))
    case (.bytes, .bytes(let content)): return .string(Base64.encode(Array(content)))
    case (.message(let name), .bytes(let content)):
      return try self.message(content, as: schema.nested(name), depth: depth + 1)
    default: throw WireReader.malformed
    }
  }

  private static func text(_ content: ArraySlice<UInt8>) throws(TranscodingError) -> String {
    guard let text = String(validating: content, as: UTF8.self) else {
      throw TranscodingError("the text is not UTF-8")
    }
    guard !content.contains(0) else { throw TranscodingError("the text contains a NUL") }
    return text
  }

  private func integer(
    _ value: WireValue, _ kind: IntegerKind
  ) throws(TranscodingError) -> JSONValue {
    switch (kind, value) {
    case (.int32, .varint(let bits)): .wholeNumber(Int32(truncatingIfNeeded: bits))
    case (.int64, .varint(let bits)): self.wide(Int64(bitPattern: bits))
    case (.uint32, .varint(let bits)): .wholeNumber(UInt32(truncatingIfNeeded: bits))
    case (.uint64, .varint(let bits)): self.wide(bits)
    case (.sint32, .varint(let bits)): .wholeNumber(Int32(truncatingIfNeeded: Self.unzigzag(bits)))
    case (.sint64, .varint(let bits)): self.wide(Self.unzigzag(bits))
    case (.fixed32, .fixed32(let bits)): .wholeNumber(bits)
    case (.sfixed32, .fixed32(let bits)): .wholeNumber(Int32(bitPattern: bits))
    case (.fixed64, .fixed64(let bits)): self.wide(bits)
    case (.sfixed64, .fixed64(let bits)): self.wide(Int64(bitPattern: bits))
    default: throw WireReader.malformed
    }
  }

  /// An integer of 64 bits.
  private func wide(_ value: some BinaryInteger) -> JSONValue {
    self.mapping.quotes64Bits ? .string(String(value)) : .wholeNumber(value)
  }

  private static func unzigzag(_ bits: UInt64) -> Int64 {
    Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
  }

  /// JSON has no word for infinity and not-a-number; proto3 JSON puts them in strings.
  private static func real(_ real: Double, _ literal: String) -> JSONValue {
    if real.isNaN { return "NaN" }
    if real.isInfinite { return real > 0 ? "Infinity" : "-Infinity" }
    return .number(literal.hasSuffix(".0") ? String(literal.dropLast(2)) : literal)
  }

  private static func enumeration(_ bits: UInt64, _ schema: EnumSchema) -> JSONValue {
    let number = Int32(truncatingIfNeeded: bits)
    return schema.values.first { $0.number == number }.map { .string($0.name) }
      ?? .wholeNumber(number)
  }

  func defaultValue(_ kind: FieldKind) -> JSONValue {
    switch kind {
    case .bool: false
    case .integer(let kind): kind.has64Bits ? self.wide(Int64(0)) : 0
    case .float, .double: 0
    case .string, .bytes: ""
    case .enumeration(let schema): Self.enumeration(0, schema)
    case .message: .object(JSONObject())
    }
  }
}

extension FieldKind {
  /// How the elements of a packed field are written; nil for kinds that are never packed.
  fileprivate var packedType: WireType? {
    switch self {
    case .bool, .enumeration: .varint
    case .float: .fixed32
    case .double: .fixed64
    case .integer(.fixed32), .integer(.sfixed32): .fixed32
    case .integer(.fixed64), .integer(.sfixed64): .fixed64
    case .integer: .varint
    case .string, .bytes, .message: nil
    }
  }
}

extension JSONValue {
  /// All of protobuf's integers, also those above Int64.
  fileprivate static func wholeNumber(_ value: some BinaryInteger) -> JSONValue {
    .number(String(value))
  }
}
