/// Writes protobuf's wire format.
package struct WireWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// A field of text, bytes or a message.
  package mutating func field(_ number: UInt32, _ content: some Collection<UInt8>) {
    self.tag(number, .lengthPrefixed)
    self.lengthPrefixed(content)
  }

  /// A field of an integer type that is neither fixed nor zigzag.
  package mutating func field(_ number: UInt32, varint value: UInt64) {
    self.tag(number, .varint)
    self.varint(value)
  }

  mutating func tag(_ number: UInt32, _ type: WireType) {
    self.varint(UInt64(number) << 3 | UInt64(type.rawValue))
  }

  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      self.bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    self.bytes.append(UInt8(value))
  }

  mutating func fixed(_ value: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      self.bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  mutating func lengthPrefixed(_ content: some Collection<UInt8>) {
    self.varint(UInt64(content.count))
    self.bytes.append(contentsOf: content)
  }

  mutating func append(_ scalar: WireValue) {
    switch scalar {
    case .varint(let value): self.varint(value)
    case .fixed64(let value): self.fixed(value)
    case .fixed32(let value): self.fixed(value)
    case .bytes(let content): self.lengthPrefixed(content)
    }
  }
}

/// The wire types that protobuf 3 uses.
enum WireType: UInt8 {
  case varint = 0
  case fixed64 = 1
  case lengthPrefixed = 2
  case fixed32 = 5
}

/// One value on the wire, without its tag.
enum WireValue {
  case varint(UInt64)
  case fixed64(UInt64)
  case bytes(ArraySlice<UInt8>)
  case fixed32(UInt32)

  var type: WireType {
    switch self {
    case .varint: .varint
    case .fixed64: .fixed64
    case .bytes: .lengthPrefixed
    case .fixed32: .fixed32
    }
  }
}
