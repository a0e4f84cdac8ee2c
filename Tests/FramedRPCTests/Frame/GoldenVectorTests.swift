import FramedRPC
import NIOCore
import Testing

/// The bytes of docs/framed-rpc-protocol.md §7: once written, they never change.
@Suite("Golden vectors")
struct GoldenVectorTests {
  static let hi = ByteBuffer(hex: "0a 02 68 69")
  static let methods = ["framedrpc.v1.TestService/Echo", "framedrpc.v1.TestService/Reflect"]

  static let hello = """
    f5 46 52 50 43 0d 0a 1a
    0e 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00
    01 00 00 00 01 00 04 00 00 00 00 00 10 00
    """
  static let helloWithStreaming = """
    f5 46 52 50 43 0d 0a 1a
    20 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00
    01 00 00 00 01 00 04 00 00 00 00 00 10 00
    04 00 0c 00 00 00 00 00 04 00 00 00 40 00 00 00 40 00
    """
  static let streaming = StreamingLimits(
    streamWindow: 256 * 1024, connectionWindow: 4 * 1024 * 1024, maxMessageBytes: 4 * 1024 * 1024)
  static let settings = """
    6f 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00
    01 00 00 00 01 00 04 00 00 00 00 00 10 00 02 00
    04 00 00 00 00 10 00 00 03 00 51 00 00 00 6f 08
    84 2b 39 af bb 1a 1d 00 66 72 61 6d 65 64 72 70
    63 2e 76 31 2e 54 65 73 74 53 65 72 76 69 63 65
    2f 45 63 68 6f c3 29 2a 0f 30 b9 d5 c8 20 00 66
    72 61 6d 65 64 72 70 63 2e 76 31 2e 54 65 73 74
    53 65 72 76 69 63 65 2f 52 65 66 6c 65 63 74
    """
  static let settingsWithStreaming = """
    3a 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00
    01 00 00 00 01 00 04 00 00 00 00 00 10 00
    02 00 04 00 00 00 00 10 00 00 03 00 00 00 00 00
    04 00 0c 00 00 00 00 00 04 00 00 00 40 00 00 00 40 00
    05 00 04 00 00 00 e8 03 00 00
    """
  static let goAway = """
    21 00 00 00 08 00 00 00 00 00 00 00 00 00 00 00
    02 00 00 00 00 00 00 00 00 00 00 00
    74 68 65 20 73 65 72 76 65 72 20 73 68 75 74 73 20 64 6f 77 6e
    """

  struct Vector: CustomTestStringConvertible {
    let testDescription: String
    let hex: String
    let frame: Frame
  }

  static let vectors = [
    Vector(
      testDescription: "REQUEST by slot",
      hex: """
        04 00 00 00 03 03 00 00 02 00 10 00 90 d0 03 00
        0a 02 68 69
        """,
      frame: Frame(
        .request, flags: [.message, .end], stream: .slot(2, 1), aux: 250_000, body: Self.hi)),
    Vector(
      testDescription: "REQUEST by hash, with metadata",
      hex: """
        20 00 00 00 03 0b ff ff 03 00 00 00 00 00 00 00
        10 00 00 00 0a 03 00 72 65 71 75 65 73 74 2d 69 64 72 2d 31
        6f 08 84 2b 39 af bb 1a
        0a 02 68 69
        """,
      frame: Frame(
        .request, flags: [.metadata, .message, .end], code: 0xFFFF, stream: .slot(3),
        body: Self.body(metadata: ["request-id": "r-1"]) {
          $0.writeInteger(MethodHash.hash(Self.methods[0]), endianness: .little)
          $0.writeImmutableBuffer(Self.hi)
        })),
    Vector(
      testDescription: "RESPONSE",
      hex: """
        07 00 00 00 04 03 00 00 02 00 10 00 55 00 00 00
        0a 02 68 69 18 f9 01
        """,
      frame: Frame(
        .response, flags: [.message, .end], stream: .slot(2, 1), aux: 85,
        body: ByteBuffer(hex: "0a 02 68 69 18 f9 01"))),
    Vector(
      testDescription: "RESPONSE with an error",
      hex: """
        28 00 00 00 04 0b 05 00 03 00 00 00 0c 00 00 00
        12 00 00 00 06 09 00 72 65 61 73 6f 6e 6e 6f 74 2d 66 6f 75 6e 64
        63 6c 61 73 73 20 37 20 69 73 20 75 6e 6b 6e 6f 77 6e
        """,
      frame: Frame(
        .response, flags: [.metadata, .message, .end], code: 5, stream: .slot(3), aux: 12,
        body: Self.body(metadata: ["reason": "not-found"]) {
          $0.writeString("class 7 is unknown")
        })),
    Vector(
      testDescription: "RESPONSE, not processed",
      hex: "04 00 00 00 04 03 08 01 05 00 00 00 00 00 00 00 62 75 73 79",
      frame: Frame(
        .response, flags: [.message, .end], code: 0x0108, stream: .slot(5),
        body: ByteBuffer(string: "busy"))),
    Vector(
      testDescription: "RESET",
      hex: "00 00 00 00 05 00 01 00 02 00 10 00 00 00 00 00",
      frame: Frame(.reset, code: 1, stream: .slot(2, 1))),
    Vector(
      testDescription: "PING",
      hex: "08 00 00 00 06 00 00 00 00 00 00 00 00 00 00 00 01 02 03 04 05 06 07 08",
      frame: Frame(.ping, body: ByteBuffer(bytes: 1...8))),
    Vector(
      testDescription: "PONG",
      hex: "08 00 00 00 07 00 00 00 00 00 00 00 00 00 00 00 01 02 03 04 05 06 07 08",
      frame: Frame(.pong, body: ByteBuffer(bytes: 1...8))),
    Vector(
      testDescription: "REQUEST that opens a stream",
      hex: "00 00 00 00 03 00 02 00 04 00 00 00 00 00 00 00",
      frame: Frame(.request, code: 2, stream: .slot(4))),
    Vector(
      testDescription: "DATA, a message and the end",
      hex: "04 00 00 00 09 03 00 00 04 00 00 00 00 00 00 00 0a 02 68 69",
      frame: Frame(.data, flags: [.message, .end], stream: .slot(4), body: Self.hi)),
    Vector(
      testDescription: "DATA, the first chunk of a message of 4 bytes",
      hex: "06 00 00 00 09 05 00 00 04 00 00 00 00 00 00 00 04 00 00 00 0a 02",
      frame: Frame(
        .data, flags: [.message, .more], stream: .slot(4),
        body: ByteBuffer(hex: "04 00 00 00 0a 02"))),
    Vector(
      testDescription: "DATA, the last chunk",
      hex: "02 00 00 00 09 01 00 00 04 00 00 00 00 00 00 00 68 69",
      frame: Frame(.data, flags: .message, stream: .slot(4), body: ByteBuffer(hex: "68 69"))),
    Vector(
      testDescription: "DATA, the end alone",
      hex: "00 00 00 00 09 02 00 00 04 00 00 00 00 00 00 00",
      frame: Frame(.data, flags: .end, stream: .slot(4))),
    Vector(
      testDescription: "DATA, initial metadata",
      hex: """
        09 00 00 00 09 08 00 00 04 00 00 00 00 00 00 00
        05 00 00 00 01 01 00 61 62
        """,
      frame: Frame(
        .data, flags: .metadata, stream: .slot(4),
        body: Self.body(metadata: ["a": "b"]) { _ in })),
    Vector(
      testDescription: "RESPONSE that ends a stream",
      hex: "00 00 00 00 04 02 00 00 04 00 00 00 0c 00 00 00",
      frame: Frame(.response, flags: .end, stream: .slot(4), aux: 12)),
    Vector(
      testDescription: "WINDOW of a stream",
      hex: "08 00 00 00 0a 00 00 00 04 00 00 00 00 00 00 00 00 00 06 00 00 00 00 00",
      frame: Frame(
        .window, stream: .slot(4), body: ByteBuffer(integer: UInt64(393_216), endianness: .little))),
    Vector(
      testDescription: "WINDOW of the connection",
      hex: "08 00 00 00 0a 00 00 00 00 00 00 00 01 00 00 00 00 00 60 00 00 00 00 00",
      frame: Frame(
        .window, aux: 1, body: ByteBuffer(integer: UInt64(6_291_456), endianness: .little))),
    Vector(
      testDescription: "DRAIN", hex: "00 00 00 00 8b 00 00 00 00 00 00 00 00 00 00 00",
      frame: Frame(.drain)),
  ]

  private static func body(
    metadata: KeyValuePairs<String, String>, _ rest: (inout ByteBuffer) -> Void
  ) -> ByteBuffer {
    var pairs = RPCMetadata()
    for (key, value) in metadata {
      try? pairs.append(key, value)
    }
    var body = ByteBuffer()
    pairs.write(into: &body)
    rest(&body)
    return body
  }

  @Test("a frame has the bytes of the specification", arguments: Self.vectors)
  func writes(_ vector: Vector) {
    #expect(vector.frame.bytes == ByteBuffer(hex: vector.hex))
  }

  @Test("the bytes of the specification are the frame", arguments: Self.vectors)
  func reads(_ vector: Vector) throws {
    var parser = FrameParser(maxFrameBytes: 0)
    parser.append(ByteBuffer(hex: vector.hex))
    #expect(try parser.next() == vector.frame)
    #expect(!parser.hasPartialFrame)
  }

  @Test("HELLO, with the magic before it")
  func helloVector() throws {
    let hello = Hello(maxFrameBytes: 1024 * 1024)
    var bytes = ByteBuffer()
    hello.write(into: &bytes)
    #expect(bytes == ByteBuffer(hex: Self.hello))
    bytes.moveReaderIndex(forwardBy: 8 + FrameHeader.byteCount)
    #expect(try Hello(from: bytes) == hello)
  }

  @Test("HELLO of a client that has streaming")
  func helloWithStreamingVector() throws {
    let hello = Hello(maxFrameBytes: 1024 * 1024, streaming: Self.streaming)
    var bytes = ByteBuffer()
    hello.write(into: &bytes)
    #expect(bytes == ByteBuffer(hex: Self.helloWithStreaming))
    bytes.moveReaderIndex(forwardBy: 8 + FrameHeader.byteCount)
    #expect(try Hello(from: bytes) == hello)
  }

  @Test("SETTINGS, with two methods")
  func settingsVector() throws {
    let settings = Settings(
      maxFrameBytes: 1024 * 1024, maxConcurrentCalls: 4096, methods: Self.methods)
    var bytes = ByteBuffer()
    settings.write(into: &bytes)
    #expect(bytes == ByteBuffer(hex: Self.settings))
    bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    #expect(try Settings(from: bytes) == settings)
  }

  @Test("SETTINGS of a server that has streaming")
  func settingsWithStreamingVector() throws {
    let settings = Settings(
      maxFrameBytes: 1024 * 1024, maxConcurrentCalls: 4096, methods: [],
      streaming: Self.streaming, minPingMilliseconds: 1_000)
    var bytes = ByteBuffer()
    settings.write(into: &bytes)
    #expect(bytes == ByteBuffer(hex: Self.settingsWithStreaming))
    bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    #expect(try Settings(from: bytes) == settings)
  }

  @Test("GOAWAY")
  func goAwayVector() throws {
    let goAway = GoAway(
      acceptedCalls: 2, reason: .shutdown, message: "the server shuts down")
    var bytes = ByteBuffer()
    goAway.write(into: &bytes)
    #expect(bytes == ByteBuffer(hex: Self.goAway))
    bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    #expect(try GoAway(from: bytes) == goAway)
  }

  @Test("a method's hash is FNV-1a with 64 bits")
  func hash() {
    // The published test vectors of FNV-1a.
    #expect(MethodHash.hash("") == 0xCBF2_9CE4_8422_2325)
    #expect(MethodHash.hash("a") == 0xAF63_DC4C_8601_EC8C)
    #expect(MethodHash.hash("foobar") == 0x8594_4171_F739_67E8)
    #expect(MethodHash.hash(Self.methods[0]) == 0x1ABB_AF39_2B84_086F)
    #expect(MethodHash.hash(Self.methods[1]) == 0xC8D5_B930_0F2A_29C3)
  }

  @Test("the numbers of types, flags, statuses and reasons")
  func numbers() {
    let types: [FrameType] = [
      .hello, .settings, .request, .response, .reset, .ping, .pong, .goAway, .data, .window,
    ]
    #expect(types.map(\.rawValue) == Array(1...10))
    #expect(FrameType.drain.rawValue == 0x8B)
    #expect(FrameFlags.allowed(in: .request).rawValue == 0x0B)
    #expect(FrameFlags.allowed(in: .response).rawValue == 0x0B)
    #expect(FrameFlags.allowed(in: .data).rawValue == 0x0F)
    #expect(FrameFlags.allowed(in: .window).rawValue == 0)
    #expect(RPCStatus.allCases.map(\.rawValue) == Array(0...16))
    #expect(RPCStatus.deadlineExceeded.name == "DEADLINE_EXCEEDED")
    let reasons: [GoAwayReason] = [
      .shutdown, .notFramedRPC, .unsupportedVersion, .frameTooLarge, .reservedFlag,
      .unknownFrameType, .malformedFrame, .streamInUse, .timeout, .unexpectedFrame, .flowControl,
    ]
    #expect(reasons.map(\.rawValue) == Array(0...10))
  }
}
