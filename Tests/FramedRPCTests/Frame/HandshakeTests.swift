import FramedRPC
import NIOCore
import Testing

@Suite("HELLO, SETTINGS and GOAWAY on the wire")
struct HandshakeTests {
  private static func body(
    version: UInt16 = 1, features: [(UInt16, ByteBuffer)] = []
  ) -> ByteBuffer {
    var body = ByteBuffer()
    body.writeMultipleIntegers(version, UInt16(0), endianness: .little)
    for (id, value) in features {
      body.writeMultipleIntegers(id, UInt32(value.readableBytes), endianness: .little)
      body.writeImmutableBuffer(value)
    }
    return body
  }

  private static func number(_ value: UInt32) -> ByteBuffer {
    ByteBuffer(integer: value, endianness: .little)
  }

  private static func method(_ name: String, hash: UInt64? = nil) -> ByteBuffer {
    var value = ByteBuffer()
    value.writeInteger(hash ?? MethodHash.hash(name), endianness: .little)
    value.writeInteger(UInt16(name.utf8.count), endianness: .little)
    value.writeString(name)
    return value
  }

  @Test("features that are missing have their defaults")
  func defaults() throws {
    #expect(try Hello(from: Self.body()).maxFrameBytes == 65_536)
    let settings = try Settings(from: Self.body())
    #expect(settings.maxFrameBytes == 65_536)
    #expect(settings.maxConcurrentCalls == 100)
    #expect(settings.methods == [])
  }

  @Test("a feature that is not known is skipped")
  func unknownFeature() throws {
    let body = Self.body(features: [(77, Self.number(1)), (1, Self.number(100_000))])
    #expect(try Hello(from: body).maxFrameBytes == 100_000)
    #expect(try Settings(from: body).maxFrameBytes == 100_000)
  }

  @Test("a critical feature that is not known is refused")
  func criticalFeature() {
    let body = Self.body(features: [(0x804D, ByteBuffer())])
    let violation = #expect(throws: ProtocolViolation.self) { try Hello(from: body) }
    #expect(violation?.reason == .unsupportedVersion)
    #expect(throws: ProtocolViolation.self) { try Settings(from: body) }
  }

  @Test("a limit out of bounds is read as the nearest that is allowed")
  func limitBounds() throws {
    let tiny = Self.body(features: [(1, Self.number(1))])
    #expect(try Hello(from: tiny).maxFrameBytes == 65_536)
    let huge = Self.body(features: [(1, Self.number(.max)), (2, Self.number(.max))])
    #expect(try Settings(from: huge).maxFrameBytes == 0xFF_FFFF)
    #expect(try Settings(from: huge).maxConcurrentCalls == StreamID.maxSlots)
  }

  @Test("a limit that is larger than its field can still be announced")
  func hugeLimits() throws {
    var bytes = ByteBuffer()
    Settings(maxFrameBytes: .max, maxConcurrentCalls: .max, methods: []).write(into: &bytes)
    bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    #expect(try Settings(from: bytes).maxFrameBytes == 0xFF_FFFF)
  }

  @Test("a handshake that is cut off anywhere is refused, or is a shorter handshake")
  func cutOff() throws {
    let whole = Self.body(features: [
      (1, Self.number(100_000)), (2, Self.number(9)), (3, Self.method("a.B/C")),
    ])
    let cutsBetweenFeatures = [4, 14, 24, whole.readableBytes]
    for length in 0...whole.readableBytes {
      let cut = try #require(whole.getSlice(at: 0, length: length))
      if cutsBetweenFeatures.contains(length) {
        #expect(throws: Never.self) { try Settings(from: cut) }
      } else {
        #expect(throws: ProtocolViolation.self, "cut at \(length)") { try Settings(from: cut) }
      }
    }
  }

  @Test("a feature whose value is too short is refused")
  func shortValue() {
    let body = Self.body(features: [(1, ByteBuffer(bytes: [1, 2]))])
    #expect(throws: ProtocolViolation.self) { try Hello(from: body) }
    #expect(throws: ProtocolViolation.self) { try Settings(from: body) }
  }

  @Test("a method whose hash is not that of its name is refused")
  func wrongHash() {
    let body = Self.body(features: [(3, Self.method("a.B/C", hash: 1))])
    #expect(throws: ProtocolViolation.self) { try Settings(from: body) }
  }

  @Test("a table of more methods than slots is refused")
  func tooManyMethods() throws {
    var table = ByteBuffer()
    for _ in 0...0xFFFF {
      table.writeImmutableBuffer(Self.method(""))
    }
    let body = Self.body(features: [(3, table)])
    #expect(throws: ProtocolViolation.self) { try Settings(from: body) }
  }

  @Test("the text of GOAWAY is cut at 512 bytes, and read whatever it is")
  func goAwayText() throws {
    var bytes = ByteBuffer()
    GoAway(acceptedCalls: .max, reason: .timeout, message: String(repeating: "x", count: 600))
      .write(into: &bytes)
    bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    #expect(try GoAway(from: bytes).message.utf8.count == 512)
    #expect(try GoAway(from: bytes).acceptedCalls == .max)

    var broken = ByteBuffer(repeating: 0, count: 12)
    broken.writeBytes([0xFF, 0x41])
    #expect(try GoAway(from: broken).message == "\u{FFFD}A")
    #expect(throws: ProtocolViolation.self) {
      try GoAway(from: ByteBuffer(repeating: 0, count: 11))
    }
  }
}
