package import CProtobufC

/// Walks untrusted protobuf bytes once before libprotobuf-c may unpack them.
///
/// libprotobuf-c has no limit on depth or number of fields, accepts invalid UTF-8, cuts strings at a
/// NUL, loses fields when it merges a message that comes twice, takes a bool of any wire type and
/// cuts packed varints at 64 bits. The scan refuses all seven, as the generated codecs do; it reads
/// through a `Span`, so a wrong length is a thrown error or a trap, never a read out of bounds.
package struct MessageScanner {
  private let limits: DecodeLimits
  private var elementsLeft: Int

  package init(limits: DecodeLimits) {
    self.limits = limits
    self.elementsLeft = limits.maxElements
  }

  /// Scans all of `bytes`.
  static func scan(
    _ bytes: UnsafeBufferPointer<UInt8>,
    as descriptor: UnsafePointer<ProtobufCMessageDescriptor>, limits: DecodeLimits
  ) throws(CodecError) {
    var scanner = MessageScanner(limits: limits)
    try scanner.scan(bytes.span, as: descriptor)
  }

  package mutating func scan(
    _ bytes: Span<UInt8>, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) throws(CodecError) {
    try self.scanMessage(bytes, descriptor, depth: 1)
  }

  private mutating func scanMessage(
    _ bytes: Span<UInt8>, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(CodecError) {
    guard depth <= self.limits.maxDepth else { throw .tooDeep }
    var offset = 0
    var likelyField = 0
    var seen = SeenFields()
    while offset < bytes.count {
      let tag = try Self.readVarint(bytes, &offset)
      guard tag >> 3 >= 1, tag >> 3 <= 0x1FFF_FFFF else { throw .malformed }
      try self.spend(1)
      let field = Self.field(UInt32(tag >> 3), in: descriptor, &likelyField)
      try Self.checkBool(field, wireType: tag & 7)
      switch tag & 7 {
      case 0: _ = try Self.readVarint(bytes, &offset)
      case 1: try Self.skip(8, bytes, &offset)
      case 5: try Self.skip(4, bytes, &offset)
      case 2:
        let length = try Self.readVarint(bytes, &offset)
        guard length <= UInt64(bytes.count - offset) else { throw .truncated }
        let content = bytes.extracting(offset..<offset + Int(length))
        offset += Int(length)
        if let field {
          if field.pointee.type == PROTOBUF_C_TYPE_MESSAGE,
            field.pointee.label != PROTOBUF_C_LABEL_REPEATED, !seen.insert(likelyField)
          {
            throw .repeatedMessage(field: String(cString: field.pointee.name))
          }
          try self.scanContent(content, field, depth: depth)
        }
      default: throw .malformed  // groups, and wire types that do not exist
      }
    }
  }

  private mutating func scanContent(
    _ content: Span<UInt8>, _ field: UnsafePointer<ProtobufCFieldDescriptor>, depth: Int
  ) throws(CodecError) {
    switch field.pointee.type {
    case PROTOBUF_C_TYPE_STRING:
      try Self.checkString(content, field)
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let descriptor = field.pointee.descriptor else { throw .malformed }
      try self.scanMessage(
        content, descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self),
        depth: depth + 1)
    case PROTOBUF_C_TYPE_BYTES:
      break
    default:
      try self.scanPacked(content, width: field.pointee.type.fixedBytes)
    }
  }

  /// Scans the numbers of a packed repeated field.
  private mutating func scanPacked(_ content: Span<UInt8>, width: Int?) throws(CodecError) {
    if let width {
      guard content.count.isMultiple(of: width) else { throw .malformed }
      return try self.spend(content.count / width)
    }
    var elements = 0
    for index in content.indices where content[index] < 0x80 {
      elements += 1
    }
    guard content.isEmpty || content[content.count - 1] < 0x80 else { throw .malformed }
    try self.spend(elements)
    var offset = 0
    while offset < content.count {
      _ = try Self.readVarint(content, &offset)
    }
  }

  /// libprotobuf-c reads a bool from whatever is there.
  private static func checkBool(
    _ field: UnsafePointer<ProtobufCFieldDescriptor>?, wireType: UInt64
  ) throws(CodecError) {
    guard let field, field.pointee.type == PROTOBUF_C_TYPE_BOOL else { return }
    let isPacked = wireType == 2 && field.pointee.label == PROTOBUF_C_LABEL_REPEATED
    guard wireType == 0 || isPacked else { throw .malformed }
  }

  private static func checkString(
    _ content: Span<UInt8>, _ field: UnsafePointer<ProtobufCFieldDescriptor>
  ) throws(CodecError) {
    for index in content.indices where content[index] == 0 {
      throw .embeddedNUL(field: String(cString: field.pointee.name))
    }
    do {
      _ = try UTF8Span(validating: content)
    } catch {
      throw .invalidUTF8(field: String(cString: field.pointee.name))
    }
  }

  private mutating func spend(_ elements: Int) throws(CodecError) {
    self.elementsLeft -= elements
    guard self.elementsLeft >= 0 else { throw .tooManyElements }
  }

  /// Fields mostly arrive in the order of their numbers, so the search starts where the last one
  /// ended.
  private static func field(
    _ number: UInt32, in descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
    _ likely: inout Int
  ) -> UnsafePointer<ProtobufCFieldDescriptor>? {
    let count = Int(descriptor.pointee.n_fields)
    guard let fields = descriptor.pointee.fields else { return nil }
    for step in 0..<count {
      let index = likely + step < count ? likely + step : likely + step - count
      if fields[index].id == number {
        likely = index
        return fields + index
      }
    }
    return nil
  }

  private static func skip(
    _ length: Int, _ bytes: Span<UInt8>, _ offset: inout Int
  ) throws(CodecError) {
    guard bytes.count - offset >= length else { throw .truncated }
    offset += length
  }

  private static func readVarint(
    _ bytes: Span<UInt8>, _ offset: inout Int
  ) throws(CodecError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 70 {
      guard offset < bytes.count else { throw .truncated }
      let byte = bytes[offset]
      offset += 1
      if shift == 63, byte > 1 { throw .malformed }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw .malformed
  }
}

extension ProtobufCType {
  /// The bytes of a number that is no varint.
  fileprivate var fixedBytes: Int? {
    switch self {
    case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: 4
    case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: 8
    default: nil
    }
  }
}

/// Which fields of a message have come, by their place in its descriptor. Only a message with more
/// than 64 fields takes memory for it.
private struct SeenFields {
  private var first: UInt64 = 0
  private var others: Set<Int> = []

  /// - Returns: whether the field is new.
  mutating func insert(_ index: Int) -> Bool {
    guard index < 64 else { return self.others.insert(index).inserted }
    let bit = UInt64(1) << index
    defer { self.first |= bit }
    return self.first & bit == 0
  }
}
