package import FramedRPC
import Synchronization

/// The messages and enums of a server or of generated code, ready for translation.
package final class SchemaSet: Sendable {
  private let messages: [String: [FieldSchema]]
  private let enums: [String: EnumSchema]

  /// - Throws: ``TranscodingError`` when a field has a type that nobody describes.
  package init(_ types: DescribedTypes) throws(TranscodingError) {
    let enums = types.enums.mapValues(EnumSchema.init)
    var messages: [String: [FieldSchema]] = [:]
    for (name, message) in types.messages {
      var fields: [FieldSchema] = []
      for field in message.fields.sorted(by: { $0.number < $1.number }) {
        guard
          let kind = FieldKind(
            type: field.type, enumeration: enums[field.type],
            isMessage: types.messages[field.type] != nil)
        else {
          throw TranscodingError(
            path: field.name, "\(name) has a type that is not described: \(field.type)")
        }
        fields.append(FieldSchema(field, kind))
      }
      messages[name] = fields
    }
    self.messages = messages
    self.enums = enums
  }

  /// Nil when nobody has described it.
  package func message(named name: String) -> MessageSchema? {
    self.messages[name].map { MessageSchema(name: name, fields: $0, types: self) }
  }

  package func enumeration(named name: String) -> EnumSchema? { self.enums[name] }

  /// Sorted.
  package var typeNames: [String] { (Array(self.messages.keys) + self.enums.keys).sorted() }
}

/// The fields of a message.
package struct MessageSchema: Sendable {
  /// `sugang.pay.v1.ApproveRequest`
  package let name: String
  /// Ordered by number.
  package let fields: [FieldSchema]
  /// Has every message that a field holds.
  package let types: SchemaSet

  fileprivate init(name: String, fields: [FieldSchema], types: SchemaSet) {
    self.name = name
    self.fields = fields
    self.types = types
  }

  /// A message of generated code; read once.
  package init(_ type: any CBackedMessage.Type) {
    let key = ObjectIdentifier(type)
    if let known = Self.known.withLock({ $0[key] }) {
      self = known
      return
    }
    let read = Self(reading: type)
    Self.known.withLock { $0[key] = read }
    self = read
  }

  private static let known = Mutex<[ObjectIdentifier: MessageSchema]>([:])

  private init(reading type: any CBackedMessage.Type) {
    var described = DescribedTypes()
    described.add(type.cDescriptor)
    guard let types = try? SchemaSet(described),
      let message = types.message(named: type.messageName)
    else { preconditionFailure("a C descriptor describes every type that it reaches") }
    self = message
  }

  /// The message that a field of this one holds.
  package func nested(_ name: String) -> MessageSchema {
    guard let message = self.types.message(named: name) else {
      preconditionFailure("a set of schemas has every message that a field holds")
    }
    return message
  }

  /// The field that JSON calls `name`: in lowerCamelCase or as the .proto file spells it.
  func field(jsonName name: String) -> FieldSchema? {
    self.fields.first { $0.jsonName == name || $0.name == name }
  }
}

/// One field of a message.
package struct FieldSchema: Sendable {
  /// As the .proto file spells it: `class_id`.
  package let name: String
  /// proto3 JSON's name: `classId`.
  package let jsonName: String
  package let number: UInt32
  package let isRepeated: Bool
  package let kind: FieldKind
  /// Fields of one message with the same value are alternatives; nil when the field is none.
  package let oneof: UInt32?

  init(_ field: FramedrpcV1.FieldSchema, _ kind: FieldKind) {
    self.name = field.name
    self.jsonName = Self.jsonName(of: field.name)
    self.number = field.number
    self.isRepeated = field.isRepeated
    self.kind = kind
    self.oneof = field.oneof == 0 ? nil : field.oneof
  }

  private static func jsonName(of name: String) -> String {
    var jsonName = ""
    var capitalizesNext = false
    for character in name {
      if character == "_" {
        capitalizesNext = true
      } else {
        jsonName += capitalizesNext ? character.uppercased() : String(character)
        capitalizesNext = false
      }
    }
    return jsonName
  }

  /// An absent field is no different from one with its default value.
  var hasNoPresence: Bool {
    if case .message = self.kind { return false }
    return self.oneof == nil
  }
}

/// What a field holds.
package enum FieldKind: Sendable {
  case bool
  case integer(IntegerKind)
  case float
  case double
  case string
  case bytes
  case enumeration(EnumSchema)
  /// By name, so that a message may contain itself; ``MessageSchema/nested(_:)`` has it.
  case message(String)

  /// Nil when `type` is neither a scalar nor described.
  fileprivate init?(type: String, enumeration: EnumSchema?, isMessage: Bool) {
    if isMessage {
      self = .message(type)
    } else if let enumeration {
      self = .enumeration(enumeration)
    } else {
      switch type {
      case "bool": self = .bool
      case "float": self = .float
      case "double": self = .double
      case "string": self = .string
      case "bytes": self = .bytes
      default:
        guard let kind = IntegerKind(rawValue: type) else { return nil }
        self = .integer(kind)
      }
    }
  }

  /// As a .proto file spells the type.
  package var protoName: String {
    switch self {
    case .bool: "bool"
    case .integer(let kind): kind.rawValue
    case .float: "float"
    case .double: "double"
    case .string: "string"
    case .bytes: "bytes"
    case .enumeration(let schema): schema.name
    case .message(let name): name
    }
  }
}

/// protobuf's ten integer types.
package enum IntegerKind: String, Sendable {
  case int32, sint32, sfixed32, uint32, fixed32
  case int64, sint64, sfixed64, uint64, fixed64

  var has64Bits: Bool {
    switch self {
    case .int32, .sint32, .sfixed32, .uint32, .fixed32: false
    case .int64, .sint64, .sfixed64, .uint64, .fixed64: true
    }
  }
}

/// The names of an enum's values.
package struct EnumSchema: Sendable {
  /// `framedrpc.v1.Color`
  package let name: String
  package let values: [(name: String, number: Int32)]

  init(_ schema: FramedrpcV1.EnumSchema) {
    self.name = schema.name
    self.values = schema.values.map { ($0.name, $0.number) }
  }
}
