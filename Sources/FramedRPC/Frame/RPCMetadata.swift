import NIOCore

/// Pairs that travel beside a message: request ids, trace context, error detail.
///
/// Keys are 1–255 characters of `a-z 0-9 - _ .`, values up to 8 KiB of any bytes; order and
/// repeats are kept. At most ``maxEntries`` entries and ``maxBytes`` bytes in all.
public struct RPCMetadata: Hashable, Sendable {
  public static let maxEntries = 64
  public static let maxBytes = 16 * 1024
  public static let maxValueBytes = 8 * 1024

  public struct Entry: Hashable, Sendable {
    public let key: String
    public let value: [UInt8]
  }

  public private(set) var entries: [Entry] = []

  public init() {}

  public var isEmpty: Bool { self.entries.isEmpty }

  /// The first value of `key`, when it is UTF-8.
  public subscript(key: String) -> String? {
    guard let entry = self.entries.first(where: { $0.key == key }) else { return nil }
    return String(validating: entry.value, as: UTF8.self)
  }

  /// All values of `key`, in order.
  public func values(of key: String) -> [[UInt8]] {
    self.entries.filter { $0.key == key }.map(\.value)
  }

  /// - Throws: ``RPCError`` with status invalid argument when a limit is passed or the key has a
  ///   character that is not allowed.
  public mutating func append(_ key: String, _ value: [UInt8]) throws(RPCError) {
    guard Self.isValid(key: key) else {
      throw RPCError(.invalidArgument, "'\(key)' is not a metadata key")
    }
    guard value.count <= Self.maxValueBytes else {
      throw RPCError(.invalidArgument, "the value of \(key) is over \(Self.maxValueBytes) bytes")
    }
    self.entries.append(Entry(key: key, value: value))
    guard self.entries.count <= Self.maxEntries, self.encodedByteCount <= Self.maxBytes else {
      self.entries.removeLast()
      throw RPCError(.invalidArgument, "too much metadata")
    }
  }

  public mutating func append(_ key: String, _ value: String) throws(RPCError) {
    try self.append(key, Array(value.utf8))
  }

  /// Makes `value` the only one of `key`, in place of the first that was there.
  ///
  /// - Throws: ``RPCError`` as ``append(_:_:)-(_,[UInt8])`` does; nothing has changed then.
  public mutating func set(_ key: String, _ value: String) throws(RPCError) {
    var changed = self
    let place = self.entries.firstIndex { $0.key == key }
    changed.removeAll(key)
    try changed.append(key, value)
    if let place {
      changed.entries.insert(changed.entries.removeLast(), at: place)
    }
    self = changed
  }

  /// Takes every value of `key` out.
  public mutating func removeAll(_ key: String) {
    self.entries.removeAll { $0.key == key }
  }

  /// Appends what is known to fit: keys of our own, short values.
  mutating func appendTrusted(_ key: StaticString, _ value: String) {
    self.entries.append(Entry(key: "\(key)", value: Array(value.utf8.prefix(Self.maxValueBytes))))
  }

  /// Takes every value of `key` out and returns the first, when it is UTF-8.
  mutating func remove(_ key: String) -> String? {
    defer { self.removeAll(key) }
    return self[key]
  }

  private static func isValid(key: String) -> Bool {
    (1...255).contains(key.utf8.count)
      && key.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
      }
  }

  private var encodedByteCount: Int {
    self.entries.reduce(0) { $0 + 3 + $1.key.utf8.count + $1.value.count }
  }

  /// Bytes that ``write(into:)`` appends, 0 for none.
  var wireByteCount: Int { self.isEmpty ? 0 : 4 + self.encodedByteCount }

  // MARK: wire: u32 bytes of all entries, then for each: u8 key length, u16 value length, key, value

  package func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(UInt32(self.encodedByteCount), endianness: .little)
    for entry in self.entries {
      buffer.writeMultipleIntegers(
        UInt8(entry.key.utf8.count), UInt16(entry.value.count), endianness: .little)
      buffer.writeString(entry.key)
      buffer.writeBytes(entry.value)
    }
  }

  /// Reads the metadata that begins the body of a frame.
  package init(from body: inout ByteBuffer) throws(ProtocolViolation) {
    guard
      let byteCount = body.readInteger(endianness: .little, as: UInt32.self),
      byteCount <= Self.maxBytes,
      var section = body.readSlice(length: Int(byteCount))
    else {
      throw ProtocolViolation(.malformedFrame, "metadata is longer than its frame or its limit")
    }
    while section.readableBytes > 0 {
      guard
        let (keyLength, valueLength) = section.readMultipleIntegers(
          endianness: .little, as: (UInt8, UInt16).self),
        valueLength <= Self.maxValueBytes,
        let keyBytes = section.readBytes(length: Int(keyLength)),
        let value = section.readBytes(length: Int(valueLength)),
        let key = String(validating: keyBytes, as: UTF8.self), Self.isValid(key: key),
        self.entries.count < Self.maxEntries
      else {
        throw ProtocolViolation(.malformedFrame, "a metadata entry is malformed")
      }
      self.entries.append(Entry(key: key, value: value))
    }
  }
}
