/// The .proto files as the generator sees them, already checked: what is not here, protobuf-c or
/// Swift could not carry.
struct Schema {
  var packages: [Package] = []
}

/// All that one protobuf package declares; becomes one Swift file.
struct Package {
  /// `sugang.pay.v1`
  let name: String
  var messages: [Message] = []
  var enums: [Enum] = []
  var services: [Service] = []
}

struct Message {
  /// Where it is declared, without the ending: `sugang/pay/v1/pay`.
  let file: String
  let fullName: String
  let name: String
  let comment: String?
  let fields: [Field]
}

struct Field {
  enum Kind: Equatable {
    case bool
    /// A Swift integer or floating-point type.
    case number(String)
    case string
    case bytes
    /// The full name of the type.
    case message(String)
    case enumeration(String)
  }

  /// How a value travels.
  enum Wire: Equatable {
    /// A varint of the value as it is, a negative one as 64 bits.
    case plain
    /// A varint in which small negative numbers are short, too.
    case zigzag
    /// Four or eight bytes.
    case fixed(bytes: Int)
    /// Behind its length.
    case delimited
  }

  let name: String
  let number: Int32
  let comment: String?
  let kind: Kind
  let wire: Wire
  let isRepeated: Bool
  /// Whether we send the values of a repeated field in one piece.
  let isPacked: Bool
  /// The one-member oneof that says whether the field is there.
  let presence: String?
}

struct Enum {
  struct Value {
    let name: String
    let number: Int32
    let comment: String?
  }

  let fullName: String
  let name: String
  let comment: String?
  let values: [Value]
}

struct Service {
  struct Method {
    let name: String
    let comment: String?
    let input: String
    let output: String
    let clientStreams: Bool
    let serverStreams: Bool
  }

  let fullName: String
  let name: String
  let comment: String?
  let methods: [Method]
}

/// A .proto file says something that cannot be generated.
struct SchemaError: Error, CustomStringConvertible {
  let place: String
  let reason: String

  var description: String { "\(self.place): \(self.reason)" }
}
