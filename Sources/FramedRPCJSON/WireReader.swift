/// Reads protobuf's wire format from a part of an array.
struct WireReader {
  private var rest: ArraySlice<UInt8>

  static let malformed = TranscodingError("the bytes are not a protobuf message")

  /// Of a value of 64 bits.
  private static let longVarintBytes: UInt64 = 10
  /// Of a tag and of a length, padded with zeros or not: what the codecs of messages take, which
  /// follow protobuf-c.
  private static let shortVarintBytes: UInt64 = 5

  init(_ bytes: ArraySlice<UInt8>) {
    self.rest = bytes
  }

  var isAtEnd: Bool { self.rest.isEmpty }

  /// The next field's number and value.
  mutating func field() throws(TranscodingError) -> (number: UInt32, value: WireValue) {
    let tag = try self.varint(maxBytes: Self.shortVarintBytes)
    guard let number = UInt32(exactly: tag >> 3), (1...0x1FFF_FFFF).contains(number),
      let type = WireType(rawValue: UInt8(tag & 7))
    else { throw Self.malformed }
    return (number, try self.value(type))
  }

  mutating func value(_ type: WireType) throws(TranscodingError) -> WireValue {
    switch type {
    case .varint: return .varint(try self.varint())
    case .fixed64: return .fixed64(try self.fixed())
    case .fixed32: return .fixed32(try self.fixed())
    case .lengthPrefixed:
      let length = try self.varint(maxBytes: Self.shortVarintBytes)
      guard length <= UInt64(self.rest.count) else { throw Self.malformed }
      return .bytes(try self.take(Int(length)))
    }
  }

  private mutating func varint(
    maxBytes: UInt64 = WireReader.longVarintBytes
  ) throws(TranscodingError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: maxBytes * 7, by: 7) {
      guard let byte = self.rest.popFirst(), shift < 63 || byte <= 1 else { throw Self.malformed }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw Self.malformed
  }

  private mutating func fixed<Integer: FixedWidthInteger & UnsignedInteger>()
    throws(TranscodingError) -> Integer
  {
    let bytes = try self.take(Integer.bitWidth / 8)
    return bytes.reversed().reduce(0) { $0 << 8 | Integer($1) }
  }

  private mutating func take(_ count: Int) throws(TranscodingError) -> ArraySlice<UInt8> {
    guard self.rest.count >= count else { throw Self.malformed }
    defer { self.rest = self.rest.dropFirst(count) }
    return self.rest.prefix(count)
  }
}
