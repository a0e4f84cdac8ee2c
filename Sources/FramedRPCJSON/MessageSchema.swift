import CProtobufC
import FramedRPC

/// The fields of a message, as its C descriptor lists them.
///
/// A view: nested schemas are made when they are asked for, so that a message may contain itself.
package struct MessageSchema: @unchecked Sendable {
  /// The descriptor is a constant of generated code: never written, never freed.
  private let descriptor: UnsafePointer<ProtobufCMessageDescriptor>

  package init(_ type: any CBackedMessage.Type) {
    self.init(type.cDescriptor)
  }

  init(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) {
    self.descriptor = descriptor
  }

  /// `sugang.pay.v1.ApproveRequest`
  package var name: String { String(cString: self.descriptor.pointee.name) }

  /// Ordered by number.
  package var fields: [FieldSchema] {
    self.descriptor.fields.map(FieldSchema.init)
  }

  /// The field that JSON calls `name`: in lowerCamelCase or as the .proto file spells it.
  func field(jsonName name: String) -> FieldSchema? {
    self.fields.first { $0.jsonName == name || $0.name == name }
  }

  var cDescriptor: UnsafePointer<ProtobufCMessageDescriptor> { self.descriptor }
}

/// One field of a message.
package struct FieldSchema: Sendable {
  /// As the .proto file spells it: `class_id`.
  package let name: String
  package let number: UInt32
  package let isRepeated: Bool
  package let kind: FieldKind
  /// Fields of one message with the same value are alternatives; nil when the field is none.
  package let oneof: UInt32?

  init(_ field: ProtobufCFieldDescriptor) {
    self.name = String(cString: field.name)
    self.number = field.id
    self.isRepeated = field.label == PROTOBUF_C_LABEL_REPEATED
    self.kind = FieldKind(field)
    let isInOneof = field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue != 0
    self.oneof = isInOneof ? field.quantifier_offset : nil
  }

  /// proto3 JSON's name: `classId`.
  package var jsonName: String {
    var name = ""
    var capitalizesNext = false
    for character in self.name {
      if character == "_" {
        capitalizesNext = true
      } else {
        name += capitalizesNext ? character.uppercased() : String(character)
        capitalizesNext = false
      }
    }
    return name
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
  case message(MessageSchema)

  init(_ field: ProtobufCFieldDescriptor) {
    switch field.type {
    case PROTOBUF_C_TYPE_BOOL: self = .bool
    case PROTOBUF_C_TYPE_FLOAT: self = .float
    case PROTOBUF_C_TYPE_DOUBLE: self = .double
    case PROTOBUF_C_TYPE_STRING: self = .string
    case PROTOBUF_C_TYPE_BYTES: self = .bytes
    case PROTOBUF_C_TYPE_ENUM:
      self = .enumeration(
        EnumSchema(field.descriptor.assumingMemoryBound(to: ProtobufCEnumDescriptor.self).pointee))
    case PROTOBUF_C_TYPE_MESSAGE:
      self = .message(
        MessageSchema(field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)))
    default: self = .integer(IntegerKind(field.type))
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
    case .message(let schema): schema.name
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

  init(_ type: ProtobufCType) {
    switch type {
    case PROTOBUF_C_TYPE_INT32: self = .int32
    case PROTOBUF_C_TYPE_SINT32: self = .sint32
    case PROTOBUF_C_TYPE_SFIXED32: self = .sfixed32
    case PROTOBUF_C_TYPE_UINT32: self = .uint32
    case PROTOBUF_C_TYPE_FIXED32: self = .fixed32
    case PROTOBUF_C_TYPE_SINT64: self = .sint64
    case PROTOBUF_C_TYPE_SFIXED64: self = .sfixed64
    case PROTOBUF_C_TYPE_UINT64: self = .uint64
    case PROTOBUF_C_TYPE_FIXED64: self = .fixed64
    default: self = .int64
    }
  }
}

/// The names of an enum's values.
package struct EnumSchema: Sendable {
  /// `framedrpc.v1.Color`
  package let name: String
  package let values: [(name: String, number: Int32)]

  init(_ descriptor: ProtobufCEnumDescriptor) {
    self.name = String(cString: descriptor.name)
    self.values = UnsafeBufferPointer(
      start: descriptor.values, count: Int(descriptor.n_values)
    ).map { (String(cString: $0.name), Int32($0.value)) }
  }
}
