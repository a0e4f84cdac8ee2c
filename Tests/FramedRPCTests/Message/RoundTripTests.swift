import Contracts
import FramedRPC
import NIOCore
import Testing

@Suite("Messages to bytes and back")
struct RoundTripTests {
  static let everything = FramedrpcV1.Everything(
    flag: true, small: .min, large: .max, smallNatural: .max, largeNatural: .max, real: -0.5,
    text: "수강 🎓", raw: [0, 1, 255], color: .green,
    inner: FramedrpcV1.Inner(name: "in", innermost: FramedrpcV1.Innermost(value: -1)),
    numbers: [0, -1, .max, .min], texts: ["", "a", "\u{7F}"],
    inners: [FramedrpcV1.Inner(), FramedrpcV1.Inner(name: "x")], maybe: 0, maybeText: "",
    zigzag: .min, fixed: .max, single: 1.5)

  private static func decode<Message: RPCMessage>(
    _ bytes: ByteBuffer, as type: Message.Type = Message.self
  ) throws -> Message {
    try Message(decoding: bytes, limits: .standard)
  }

  @Test("every kind of field survives")
  func everyKind() throws {
    let bytes = try Self.everything.encoded()
    #expect(try Self.decode(bytes) == Self.everything)
  }

  @Test("the bytes are protobuf's")
  func goldenBytes() throws {
    let message = FramedrpcV1.Everything(
      flag: true, small: -1, text: "é", color: .red, inner: FramedrpcV1.Inner(),
      numbers: [1, 300], maybe: 0, zigzag: -1, fixed: 1, single: 1)
    let bytes = """
      08 01
      10 ff ff ff ff ff ff ff ff ff 01
      3a 02 c3 a9
      48 01
      52 00
      5a 03 01 ac 02
      70 00
      80 01 01
      89 01 01 00 00 00 00 00 00 00
      95 01 00 00 80 3f
      """
    #expect(try message.encoded() == ByteBuffer(hex: bytes))
  }

  @Test("a message of zeros has no bytes (EmptyPayload)")
  func empty() throws {
    #expect(try FramedrpcV1.Everything().encoded().readableBytes == 0)
    #expect(try Self.decode(ByteBuffer()) == FramedrpcV1.Everything())
  }

  @Test("a value that is absent and one that is zero are told apart")
  func presence() throws {
    let zero = FramedrpcV1.Everything(inner: FramedrpcV1.Inner(), maybe: 0, maybeText: "")
    let decoded: FramedrpcV1.Everything = try Self.decode(try zero.encoded())
    #expect(decoded == zero)
    #expect(decoded != FramedrpcV1.Everything())
  }

  @Test("a number that the enum does not know survives")
  func openEnum() throws {
    let message = FramedrpcV1.Everything(color: FramedrpcV1.Color(rawValue: -7))
    #expect(try Self.decode(try message.encoded()) == message)
  }

  @Test("not-a-number and the infinities survive")
  func unusualNumbers() throws {
    let message = FramedrpcV1.Everything(real: .infinity, single: .nan)
    let decoded: FramedrpcV1.Everything = try Self.decode(try message.encoded())
    #expect(decoded.real == .infinity)
    #expect(decoded.single.isNaN)
  }

  @Test("fields that are not known are skipped, whatever their kind")
  func unknownFields() throws {
    let bytes = HandMade.make {
      $0.field(100, varint: .max)
      $0.field(7, bytes: Array("known".utf8))
      $0.field(101, bytes: [0xFF, 0, 0xFF])
      $0.varint(102 << 3 | 1)
      $0.raw([UInt8](repeating: 9, count: 8))
      $0.varint(103 << 3 | 5)
      $0.raw([UInt8](repeating: 9, count: 4))
      $0.field(0x1FFF_FFFF, varint: 1)
    }
    #expect(try Self.decode(bytes.buffer) == FramedrpcV1.Everything(text: "known"))
  }

  @Test("of a field that comes twice the last counts")
  func lastWins() throws {
    let bytes = HandMade.make {
      $0.field(7, bytes: Array("first".utf8))
      $0.field(2, varint: 1)
      $0.field(14, varint: 1)
      $0.field(7, bytes: Array("last".utf8))
      $0.field(2, varint: 2)
      $0.field(14, varint: 2)
    }
    #expect(
      try Self.decode(bytes.buffer)
        == FramedrpcV1.Everything(small: 2, text: "last", maybe: 2))
  }

  @Test("a message of a list may come as often as it likes, one that is not repeated once")
  func messageTwice() throws {
    let inner = HandMade.make { $0.field(1, bytes: Array("n".utf8)) }.bytes
    let list = HandMade.make {
      $0.field(13, bytes: inner)
      $0.field(10, bytes: inner)
      $0.field(13, bytes: inner)
    }
    let name = FramedrpcV1.Inner(name: "n")
    #expect(
      try Self.decode(list.buffer) == FramedrpcV1.Everything(inner: name, inners: [name, name]))
    let twice = HandMade.make {
      $0.field(10, bytes: inner)
      $0.field(1, varint: 1)
      $0.field(10, bytes: [])
    }
    #expect(throws: CodecError.repeatedMessage(field: "inner")) {
      try Self.decode(twice.buffer, as: FramedrpcV1.Everything.self)
    }
    let deep = HandMade.make {
      $0.field(
        13,
        bytes: HandMade.make {
          $0.field(2, bytes: [])
          $0.field(2, bytes: [])
        }.bytes)
    }
    #expect(throws: CodecError.repeatedMessage(field: "innermost")) {
      try Self.decode(deep.buffer, as: FramedrpcV1.Everything.self)
    }
  }

  @Test("numbers come packed, unpacked or both")
  func packedOrNot() throws {
    let bytes = HandMade.make {
      $0.field(11, varint: 1)
      $0.field(11, bytes: [2, 3])
      $0.field(11, varint: 4)
    }
    #expect(try Self.decode(bytes.buffer) == FramedrpcV1.Everything(numbers: [1, 2, 3, 4]))
  }

  @Test("fields come in any order")
  func anyOrder() throws {
    let bytes = HandMade.make {
      $0.field(16, varint: 1)
      $0.field(7, bytes: Array("t".utf8))
      $0.field(1, varint: 1)
    }
    #expect(
      try Self.decode(bytes.buffer) == FramedrpcV1.Everything(flag: true, text: "t", zigzag: -1))
  }

  @Test("a list of 20,000 small numbers, and one of 5,000 small messages, are honest messages")
  func longLists() throws {
    let numbers = FramedrpcV1.Everything(numbers: Array(repeating: 1, count: 20_000))
    #expect(try Self.decode(try numbers.encoded()) == numbers)
    let inners = FramedrpcV1.Everything(
      inners: Array(repeating: FramedrpcV1.Inner(name: "n"), count: 5_000))
    #expect(try Self.decode(try inners.encoded()) == inners)
  }

  @Test("a NUL never leaves in a string: it would be cut without a word")
  func outgoingNUL() {
    let messages = [
      FramedrpcV1.Everything(text: "a\u{0}b"), FramedrpcV1.Everything(texts: ["ok", "\u{0}"]),
      FramedrpcV1.Everything(maybeText: "\u{0}"),
      FramedrpcV1.Everything(inners: [FramedrpcV1.Inner(name: "\u{0}")]),
    ]
    let fields = ["text", "texts", "maybe_text", "name"]
    for (message, field) in zip(messages, fields) {
      #expect(throws: CodecError.embeddedNUL(field: field)) { try message.encoded() }
    }
    #expect(throws: Never.self) { try FramedrpcV1.Everything(raw: [0, 0]).encoded() }
  }
}
