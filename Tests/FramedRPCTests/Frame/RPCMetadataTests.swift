import FramedRPC
import NIOCore
import Testing

@Suite("Metadata")
struct RPCMetadataTests {
  private static func read(_ bytes: ByteBuffer) throws -> RPCMetadata {
    var bytes = bytes
    return try RPCMetadata(from: &bytes)
  }

  private static func section(_ entries: [(key: [UInt8], value: [UInt8])]) -> ByteBuffer {
    var section = ByteBuffer()
    for (key, value) in entries {
      section.writeMultipleIntegers(UInt8(key.count), UInt16(value.count), endianness: .little)
      section.writeBytes(key)
      section.writeBytes(value)
    }
    var bytes = ByteBuffer(integer: UInt32(section.readableBytes), endianness: .little)
    bytes.writeImmutableBuffer(section)
    return bytes
  }

  @Test("ttrpc: set replaces in place, unset takes all out, a copy stays as it was")
  func change() throws {
    var metadata = RPCMetadata()
    try metadata.append("a", "1")
    try metadata.append("b", "2")
    try metadata.append("a", "3")
    let copy = metadata
    try metadata.set("a", "4")
    #expect(metadata.entries.map(\.key) == ["a", "b"])
    #expect(metadata["a"] == "4")
    try metadata.set("c", "5")
    #expect(metadata.entries.map(\.key) == ["a", "b", "c"])
    #expect(throws: RPCError.self) { try metadata.set("A", "x") }
    #expect(throws: RPCError.self) {
      try metadata.set("b", String(repeating: "x", count: RPCMetadata.maxValueBytes + 1))
    }
    #expect(metadata["b"] == "2", "a refused change changes nothing")
    metadata.removeAll("b")
    metadata.removeAll("nothing")
    #expect(metadata.entries.map(\.key) == ["a", "c"])
    #expect(copy.values(of: "a") == [Array("1".utf8), Array("3".utf8)])
    #expect(copy["b"] == "2")
  }

  @Test("order, repeats and bytes survive (Duplicate Metadata)")
  func roundTrip() throws {
    var metadata = RPCMetadata()
    try metadata.append("b", "1")
    try metadata.append("a", [0, 255])
    try metadata.append("b", "2")
    var bytes = ByteBuffer()
    metadata.write(into: &bytes)
    bytes.writeString("rest")
    #expect(try Self.read(bytes) == metadata)
    #expect(metadata.values(of: "b") == [Array("1".utf8), Array("2".utf8)])
    #expect(metadata["b"] == "1")
    #expect(metadata["a"] == nil, "no UTF-8")

    var body = bytes
    _ = try RPCMetadata(from: &body)
    #expect(String(buffer: body) == "rest")
  }

  @Test(
    "a key with other characters is refused",
    arguments: ["", "Upper", "a b", "한", "a\u{0}", String(repeating: "k", count: 256)])
  func badKeys(_ key: String) throws {
    var metadata = RPCMetadata()
    let error = #expect(throws: RPCError.self) { try metadata.append(key, "v") }
    #expect(error?.status == .invalidArgument)
    #expect(metadata.isEmpty)
    if key.utf8.count < 256 {
      let bytes = Self.section([(Array(key.utf8), [1])])
      #expect(throws: ProtocolViolation.self) { try Self.read(bytes) }
    }
  }

  @Test("64 entries fit, 65 do not")
  func entryLimit() throws {
    var metadata = RPCMetadata()
    for _ in 0..<64 {
      try metadata.append("k", "v")
    }
    let full = metadata
    #expect(throws: RPCError.self) { try metadata.append("k", "v") }
    #expect(metadata == full, "a refused entry leaves no trace")

    let entry = (key: Array("k".utf8), value: Array("v".utf8))
    #expect(try Self.read(Self.section(Array(repeating: entry, count: 64))).entries.count == 64)
    let tooMany = Self.section(Array(repeating: entry, count: 65))
    #expect(throws: ProtocolViolation.self) { try Self.read(tooMany) }
  }

  @Test("8 KiB a value and 16 KiB in all fit, more does not")
  func byteLimits() throws {
    var metadata = RPCMetadata()
    let value = [UInt8](repeating: 1, count: 8192)
    #expect(throws: RPCError.self) { try metadata.append("k", value + [1]) }
    try metadata.append("k", value)
    #expect(throws: RPCError.self) { try metadata.append("k", value) }
    try metadata.append("k", Array(value.dropLast(8)))

    let key = Array("k".utf8)
    #expect(throws: ProtocolViolation.self) { try Self.read(Self.section([(key, value + [1])])) }
    let tooLong = Self.section([(key, value), (key, value)])
    #expect(throws: ProtocolViolation.self) { try Self.read(tooLong) }
  }

  @Test("metadata that is cut off anywhere is refused")
  func cutOff() throws {
    let whole = Self.section([(Array("key".utf8), [1, 2]), (Array("other".utf8), [])])
    for length in 0..<whole.readableBytes {
      let cut = try #require(whole.getSlice(at: 0, length: length))
      #expect(throws: ProtocolViolation.self, "cut at \(length)") { try Self.read(cut) }
    }
  }

  @Test("an entry that is longer than its section is refused")
  func entryOverSection() {
    var bytes = ByteBuffer(integer: UInt32(4), endianness: .little)
    bytes.writeBytes([1, 2, 0, UInt8(ascii: "k"), 1, 1])
    #expect(throws: ProtocolViolation.self) { try Self.read(bytes) }
  }
}
