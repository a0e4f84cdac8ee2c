import CProtobufC
import FramedRPC

/// Makes protobuf bytes for a message: mostly such as it understands, with everything in them that an
/// honest or a hostile peer may send.
struct RandomWire {
  private var random: SplitMix

  init(seed: UInt64) {
    self.random = SplitMix(state: seed)
  }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &self.random) < percent
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &self.random)
  }

  /// The bytes of a message, in three of four cases damaged.
  mutating func bytes(for descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> [UInt8] {
    var bytes = HandMade()
    self.message(descriptor, depth: 0, into: &bytes)
    return self.chance(25) ? bytes.bytes : self.damaged(bytes.bytes)
  }

  private mutating func message(
    _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int,
    into bytes: inout HandMade
  ) {
    let fields = descriptor.fields
    // Often in order, as honest peers send them.
    let isOrdered = self.chance(50)
    for step in 0..<self.number(0...(depth == 0 ? 12 : 5)) {
      if fields.isEmpty || self.chance(4) {
        self.unknown(into: &bytes)
      } else if isOrdered {
        self.field(fields[step % fields.count], depth: depth, into: &bytes)
      } else if let field = fields.randomElement(using: &self.random) {
        self.field(field, depth: depth, into: &bytes)
      }
    }
  }

  private mutating func field(
    _ field: ProtobufCFieldDescriptor, depth: Int, into bytes: inout HandMade
  ) {
    let number = UInt64(field.id)
    guard !self.chance(2) else {
      return self.value(number, wireType: UInt64(self.number(0...7)), into: &bytes)
    }
    switch field.type {
    case PROTOBUF_C_TYPE_STRING: bytes.field(number, bytes: self.text())
    case PROTOBUF_C_TYPE_BYTES: bytes.field(number, bytes: self.blob(0...20))
    case PROTOBUF_C_TYPE_MESSAGE:
      var nested = HandMade()
      if let descriptor = field.descriptor, depth < 6 {
        self.message(
          descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self), depth: depth + 1,
          into: &nested)
      }
      bytes.field(number, bytes: nested.bytes)
    default:
      let wireType = Self.wireType(field.type)
      guard field.label == PROTOBUF_C_LABEL_REPEATED, self.chance(60) else {
        return self.value(number, wireType: wireType, into: &bytes)
      }
      var packed = HandMade()
      for _ in 0..<self.number(0...40) {
        self.content(wireType, into: &packed)
      }
      bytes.field(number, bytes: packed.bytes)
    }
  }

  private static func wireType(_ type: ProtobufCType) -> UInt64 {
    switch type {
    case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: 1
    case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: 5
    default: 0
    }
  }

  private mutating func unknown(into bytes: inout HandMade) {
    let numbers: [UInt64] = [0, 15, 16, 99, 2047, 2048, 1 << 29 - 1, 1 << 29, 1 << 33]
    self.value(
      numbers.randomElement(using: &self.random) ?? 1, wireType: UInt64(self.number(0...7)),
      into: &bytes)
  }

  private mutating func value(_ number: UInt64, wireType: UInt64, into bytes: inout HandMade) {
    self.varint(number << 3 | wireType, into: &bytes)
    self.content(wireType, into: &bytes)
  }

  private mutating func content(_ wireType: UInt64, into bytes: inout HandMade) {
    switch wireType {
    case 0: self.varint(self.interesting(), into: &bytes)
    case 1: bytes.raw(self.blob(8...8))
    case 2:
      let blob = self.blob(0...9)
      self.varint(UInt64(blob.count), into: &bytes)
      bytes.raw(blob)
    case 5: bytes.raw(self.blob(4...4))
    default: break
    }
  }

  /// Now and then in more bytes than it takes.
  private mutating func varint(_ value: UInt64, into bytes: inout HandMade) {
    guard self.chance(3) else { return bytes.varint(value) }
    var shortest = HandMade()
    shortest.varint(value)
    var longer = shortest.bytes
    longer[longer.count - 1] |= 0x80
    longer += Array(repeating: 0x80, count: self.number(0...7)) + [UInt8(self.number(0...2))]
    bytes.raw(longer)
  }

  /// Numbers of each length, and those at the borders.
  private mutating func interesting() -> UInt64 {
    let value = UInt64.random(in: 0 ... .max, using: &self.random) >> UInt64(self.number(0...63))
    let borders: [UInt64] = [
      0, 1, 127, 128, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 63, .max,
    ]
    return self.chance(30) ? borders.randomElement(using: &self.random) ?? 0 : value
  }

  private mutating func blob(_ lengths: ClosedRange<Int>) -> [UInt8] {
    (0..<self.number(lengths)).map { _ in UInt8.random(in: 0...255, using: &self.random) }
  }

  private mutating func text() -> [UInt8] {
    let length = self.number(0...40)
    let characters: [Character] = ["a", "Z", "\u{7F}", "é", "수", "강", "🎓", "\u{FFFD}"]
    let isPlain = self.chance(50)
    var text: [UInt8] = []
    while text.count < length {
      let character = characters.randomElement(using: &self.random) ?? "b"
      text += isPlain ? [UInt8(self.number(1...127))] : Array(String(character).utf8)
    }
    if self.chance(4), !text.isEmpty {
      let byte = self.chance(50) ? 0 : self.number(0...255)
      text[self.number(0...text.count - 1)] = UInt8(byte)
    }
    return text
  }

  private mutating func damaged(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0..<self.number(1...3) where !bytes.isEmpty {
      let index = self.number(0...bytes.count - 1)
      switch self.number(0...4) {
      case 0: bytes[index] = UInt8(self.number(0...255))
      case 1: bytes[index] ^= 1 << UInt8(self.number(0...7))
      case 2: bytes.remove(at: index)
      case 3: bytes.removeLast(bytes.count - index)
      default: bytes.insert(contentsOf: bytes[index...].prefix(9), at: index)
      }
    }
    return bytes
  }
}
