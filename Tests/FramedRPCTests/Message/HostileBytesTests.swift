import Contracts
import FramedRPC
import NIOCore
import Testing

private typealias Everything = FramedrpcV1.Everything

@Suite("Bytes from a hostile peer")
struct HostileBytesTests {
  private static func error(
    _ bytes: HandMade, limits: DecodeLimits = .standard
  ) throws -> CodecError? {
    #expect(throws: CodecError.self) { try Everything(decoding: bytes.buffer, limits: limits) }
  }

  static let badUTF8: [[UInt8]] = [
    [0xFF], [0xC3], [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
    [0xE2, 0x82], [0x61, 0xF8, 0x88, 0x80, 0x80, 0x80],
  ]

  @Test("a string that is not UTF-8 is refused, and the field is named", arguments: Self.badUTF8)
  func invalidUTF8(_ text: [UInt8]) throws {
    let places: [(UInt64, String)] = [(7, "text"), (12, "texts"), (15, "maybe_text")]
    for (number, name) in places {
      let bytes = HandMade.make { $0.field(number, bytes: text) }
      #expect(try Self.error(bytes) == .invalidUTF8(field: name))
    }
    let nested = HandMade.make {
      $0.field(13, bytes: HandMade.make { $0.field(1, bytes: text) }.bytes)
    }
    #expect(try Self.error(nested) == .invalidUTF8(field: "name"))
  }

  @Test("a string with a NUL is refused, wherever it is", arguments: [0, 1, 2])
  func embeddedNUL(_ position: Int) throws {
    var text = Array("ab".utf8)
    text.insert(0, at: position)
    let bytes = HandMade.make { $0.field(7, bytes: text) }
    #expect(try Self.error(bytes) == .embeddedNUL(field: "text"))
  }

  @Test("also a string that a later one would replace is checked")
  func replacedString() throws {
    let bytes = HandMade.make {
      $0.field(7, bytes: [0])
      $0.field(7, bytes: [0x61])
    }
    #expect(try Self.error(bytes) == .embeddedNUL(field: "text"))
  }

  @Test("bytes and unknown fields may hold anything")
  func anything() throws {
    let bytes = HandMade.make {
      $0.field(8, bytes: [0, 0xFF])
      $0.field(99, bytes: [0, 0xFF])
    }
    #expect(
      try Everything(decoding: bytes.buffer, limits: .standard) == Everything(raw: [0, 0xFF]))
  }

  @Test("unknown-field bomb: two bytes each, a megabyte of them")
  func unknownFieldBomb() throws {
    let bytes = HandMade.make { bytes in
      for _ in 0..<500_000 { bytes.field(15 + 4, varint: 1) }
    }
    #expect(try Self.error(bytes) == .tooManyElements)
  }

  @Test("empty-submessage bomb: two bytes each")
  func emptySubmessageBomb() throws {
    let bomb = HandMade.make { bytes in
      for _ in 0..<500_000 { bytes.field(13, bytes: []) }
    }
    #expect(try Self.error(bomb) == .tooManyElements)
    // Below the limit on elements, the budget of memory holds.
    let small = HandMade.make { bytes in
      for _ in 0..<60_000 { bytes.field(13, bytes: []) }
    }
    #expect(try Self.error(small) == .memoryBudgetExceeded)
  }

  @Test("packed-number bomb: every byte becomes eight")
  func packedBomb() throws {
    let bytes = HandMade.make { $0.field(11, bytes: [UInt8](repeating: 1, count: 100_000)) }
    #expect(try Self.error(bytes) == .tooManyElements)
  }

  /// protobuf-c 1.4.1 cannot merge two messages in which a oneof is unset on both sides, and loses
  /// numbers of others.
  @Test("a message that comes 600 times is refused at the second, not merged")
  func mergeBomb() throws {
    let inner = HandMade.make { $0.field(11, bytes: [UInt8](repeating: 1, count: 100)) }
    let bytes = HandMade.make { bytes in
      for _ in 0..<600 { bytes.field(1, bytes: inner.bytes) }
    }
    #expect(throws: CodecError.repeatedMessage(field: "everything")) {
      try FramedrpcV1.ReflectRequest(decoding: bytes.buffer, limits: .standard)
    }
  }

  @Test("messages nested deeper than the limit are refused")
  func depthLimit() throws {
    let message = Everything(
      inner: FramedrpcV1.Inner(innermost: FramedrpcV1.Innermost(value: 1)))
    let bytes = try message.encoded()
    for depth in 1...2 {
      #expect(throws: CodecError.tooDeep) {
        try Everything(decoding: bytes, limits: DecodeLimits(maxDepth: depth))
      }
    }
    #expect(try Everything(decoding: bytes, limits: DecodeLimits(maxDepth: 3)) == message)
  }

  @Test("nesting bomb: what is deeper than the schema is one unknown field, never unpacked")
  func nestingBomb() throws {
    var bytes = HandMade()
    for _ in 0..<10_000 {
      let inner = bytes.bytes
      bytes = HandMade.make { $0.field(10, bytes: inner) }
    }
    let decoded = try Everything(decoding: bytes.buffer, limits: .standard)
    #expect(decoded == Everything(inner: FramedrpcV1.Inner()))
  }

  @Test("a message that is cut off anywhere is refused, or is a shorter message")
  func everyPrefix() throws {
    let bytes = try RoundTripTests.everything.encoded()
    for length in 0..<bytes.readableBytes {
      let prefix = try #require(bytes.getSlice(at: 0, length: length))
      do {
        let shorter = try Everything(decoding: prefix, limits: .standard)
        #expect(shorter != RoundTripTests.everything)
      } catch {
        #expect(error == .truncated || error == .malformed, "cut at \(length)")
      }
    }
  }

  static let notProtobuf: [(String, HandMade)] = [
    ("field number 0", HandMade.make { $0.raw([0x00, 0x01]) }),
    ("field number over 2^29", HandMade.make { $0.raw([0x80, 0x80, 0x80, 0x80, 0x10, 0x01]) }),
    ("a group", HandMade.make { $0.raw([0x0B, 0x0C]) }),
    ("wire type 6", HandMade.make { $0.raw([0x0E]) }),
    ("wire type 7", HandMade.make { $0.raw([0x0F]) }),
    ("a varint of 11 bytes", HandMade.make { $0.raw([8] + Array(repeating: 0x80, count: 11)) }),
    (
      "a varint over 64 bits",
      HandMade.make { $0.raw([8] + Array(repeating: 0xFF, count: 9) + [2]) }
    ),
    (
      "a length over 2^63",
      HandMade.make { $0.raw([0x3A] + Array(repeating: 0xFF, count: 9) + [1]) }
    ),
    ("a length past the end", HandMade.make { $0.raw([0x3A, 2, 0x61]) }),
    ("a string as a number", HandMade.make { $0.field(7, varint: 1) }),
    ("a number as bytes", HandMade.make { $0.field(2, bytes: [1]) }),
    ("a packed number that is cut off", HandMade.make { $0.field(11, bytes: [0x80]) }),
  ]

  @Test("what protobuf does not allow is refused", arguments: Self.notProtobuf)
  func malformed(_ name: String, _ bytes: HandMade) throws {
    let error = try Self.error(bytes)
    #expect(error == .malformed || error == .truncated)
  }

  @Test("flipped and lost bytes give a message or an error, and the message can be sent again")
  func mutations() throws {
    var random = SplitMix(state: 7)
    let original = try RoundTripTests.everything.encoded().array
    for _ in 0..<20_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(contentsOf: bytes[index...].prefix(9), at: index)
        }
      }
      guard
        let message = try? Everything(decoding: ByteBuffer(bytes: bytes), limits: .standard)
      else { continue }
      let again = try message.encoded()
      #expect(try Everything(decoding: again, limits: .standard).encoded() == again)
    }
  }

  @Test("memory that runs out at any allocation gives an error and nothing worse")
  func everyBudget() throws {
    let bytes = try RoundTripTests.everything.encoded()
    for budget in 0..<2_000 {
      let limits = DecodeLimits(memoryFactor: 0, memoryFloorBytes: budget)
      do {
        #expect(try Everything(decoding: bytes, limits: limits) == RoundTripTests.everything)
      } catch {
        #expect(error == .memoryBudgetExceeded)
      }
    }
  }
}

/// Random numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = self.state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
