import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Testing

/// In virtual time: the bench's loop only moves when a test says so.
@Suite("A server's connection: handshake, limits and bad peers")
struct ServerConnectionTests {
  private static let magic = ByteBuffer(bytes: Handshake.magic)
  private static let echo = "framedrpc.v1.TestService/Echo"

  // MARK: handshake

  @Test("HELLO is answered with SETTINGS: limits, and the methods by slot")
  func settings() throws {
    let bench = try ServerBench(limits: RPCLimits(maxConcurrentCalls: 7), greets: false)
    bench.receive(ByteBuffer(hex: GoldenVectorTests.hello))
    let frames = try bench.sent()
    #expect(frames.map(\.header.type) == [.settings])
    let settings = try Settings(from: frames[0].body)
    #expect(settings.maxConcurrentCalls == 7)
    #expect(settings.methods == GoldenVectorTests.methods)
  }

  @Test("the handshake may be split at any byte")
  func splitHandshake() throws {
    let hello = ByteBuffer(hex: GoldenVectorTests.hello)
    for index in 0...hello.readableBytes {
      let bench = try ServerBench(greets: false)
      var rest = hello
      bench.receive(rest.readSlice(length: index) ?? ByteBuffer())
      bench.receive(rest)
      #expect(try bench.sent().map(\.header.type) == [.settings], "split at \(index)")
    }
  }

  @Test("a call may follow HELLO at once, by the hash of its method")
  func earlyCall() throws {
    let bench = try ServerBench(greets: false)
    var bytes = ByteBuffer(hex: GoldenVectorTests.hello)
    bytes.writeImmutableBuffer(ByteBuffer(hex: GoldenVectorTests.vectors[1].hex))
    bench.receive(bytes)
    let frames = try bench.sent()
    #expect(frames.map(\.header.type) == [.settings, .response])
    let answer = try FramedrpcV1.EchoResponse(decoding: frames[1].body, limits: .standard)
    #expect(answer.text == "hi")
    #expect(answer.requestID == "r-1")
    #expect(bench.wire.isClosed == false)
  }

  @Test(
    "wrong magic: the connection is refused at the first wrong byte",
    arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "\u{0}"])
  func wrongMagic(_ text: String) throws {
    let bench = try ServerBench(greets: false)
    bench.receive(ByteBuffer(string: text))
    #expect(try bench.refusal()?.reason == .notFramedRPC)
    #expect(bench.wire.isClosed)
  }

  @Test("half-open: part of the magic, then silence, is closed by the handshake timer")
  func partialMagic() throws {
    for length in 0..<8 {
      let bench = try ServerBench(greets: false)
      bench.receive(ByteBuffer(bytes: Handshake.magic.prefix(length)))
      bench.advance(by: .milliseconds(4999))
      #expect(!bench.wire.isClosed)
      bench.advance(by: .milliseconds(1))
      #expect(bench.wire.isClosed)
      #expect(try bench.refusal()?.reason == .timeout)
    }
  }

  @Test("half-open: the magic and part of HELLO, a byte every second, is closed all the same")
  func slowHello() throws {
    let bench = try ServerBench(greets: false)
    bench.receive(Self.magic)
    for _ in 0..<5 {
      bench.receive(ByteBuffer(bytes: [0]))
      bench.advance(by: .seconds(1))
    }
    #expect(try bench.refusal()?.reason == .timeout)
  }

  @Test("half-open: part of a frame, then silence, is closed by the frame timer")
  func partialFrame() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1))
    let frame = try ServerBench.echo(FramedrpcV1.EchoRequest(text: "hi"), stream: .slot(1)).bytes
    var cut = frame
    bench.receive(cut.readSlice(length: 17) ?? ByteBuffer())
    bench.advance(by: .milliseconds(9_999))
    #expect(!bench.wire.isClosed)
    bench.advance(by: .milliseconds(1))
    #expect(try bench.refusal()?.reason == .timeout)
    #expect(bench.wire.isClosed)
    #expect(bench.handler.snapshot.cancelled == [1], "the calls of the connection end with it")
  }

  @Test("a frame that trickles in for longer than its time is refused, a busy peer is not")
  func slowFrameAndBusyPeer() throws {
    // Each read ends in the middle of the next frame, for a minute: nothing is late.
    let busy = try ServerBench()
    let ping = Frame(.ping, body: ByteBuffer(bytes: 1...8)).bytes
    busy.receive(ping.getSlice(at: 0, length: 10) ?? ByteBuffer())
    for _ in 0..<60 {
      busy.advance(by: .seconds(1))
      var bytes = ping.getSlice(at: 10, length: 14) ?? ByteBuffer()
      bytes.writeImmutableBuffer(ping.getSlice(at: 0, length: 10) ?? ByteBuffer())
      busy.receive(bytes)
    }
    #expect(!busy.wire.isClosed)
    // One byte a second of one frame: late after ten.
    for second in 1...10 {
      #expect(!busy.wire.isClosed, "after \(second) seconds")
      busy.receive(ByteBuffer(bytes: [0]))
      busy.advance(by: .seconds(1))
    }
    #expect(busy.wire.isClosed)
  }

  @Test("version 0 is refused, a later one is answered with ours")
  func versions() throws {
    let zero = try ServerBench(greets: false)
    var hello = ByteBuffer()
    Hello(version: 0, maxFrameBytes: 65_536).write(into: &hello)
    zero.receive(hello)
    #expect(try zero.refusal()?.reason == .unsupportedVersion)

    let later = try ServerBench(greets: false)
    hello.clear()
    Hello(version: 9, maxFrameBytes: 65_536).write(into: &hello)
    later.receive(hello)
    let settings = try #require(try later.sent().first)
    #expect(try Settings(from: settings.body).version == 1)
  }

  // MARK: frames that end the connection

  static let notAllowed: [(String, Frame, GoAwayReason)] = [
    ("unknown type", Frame(FrameType(rawValue: 0x40)), .unknownFrameType),
    ("type 0", Frame(FrameType(rawValue: 0)), .unknownFrameType),
    ("reserved flag", Frame(.ping, flags: FrameFlags(rawValue: 0x80)), .reservedFlag),
    ("PING with MSG", Frame(.ping, flags: .message), .reservedFlag),
    ("RESET with END", Frame(.reset, flags: .end), .reservedFlag),
    ("RESPONSE", Frame(.response, flags: [.message, .end]), .unexpectedFrame),
    ("SETTINGS", Frame(.settings), .unexpectedFrame),
    ("second HELLO", Frame(.hello), .unexpectedFrame),
    ("REQUEST without END", Frame(.request, flags: .message), .malformedFrame),
    ("REQUEST without MSG", Frame(.request, flags: .end), .malformedFrame),
    (
      "hash cut off",
      Frame(.request, flags: [.message, .end], code: 0xFFFF, body: ByteBuffer(bytes: 1...7)),
      .malformedFrame
    ),
    (
      "metadata cut off",
      Frame(
        .request, flags: [.message, .end, .metadata], body: ByteBuffer(bytes: [9, 0, 0, 0, 1])),
      .malformedFrame
    ),
  ]

  @Test(
    "a frame that is not allowed ends the connection with its reason", arguments: Self.notAllowed)
  func violation(_ name: String, _ frame: Frame, _ reason: GoAwayReason) throws {
    let bench = try ServerBench()
    bench.receive(frame)
    #expect(try bench.refusal()?.reason == reason)
    #expect(bench.wire.isClosed)
    bench.receive(Frame(.ping))
    #expect(try bench.sent() == [], "nothing more is answered")
  }

  @Test("frames before HELLO are refused")
  func noHello() throws {
    let bench = try ServerBench(greets: false)
    var bytes = Self.magic
    bytes.writeImmutableBuffer(Frame(.ping).bytes)
    bench.receive(bytes)
    #expect(try bench.refusal()?.reason == .unexpectedFrame)
  }

  @Test("oversize: refused when the header is there, with nothing of the body")
  func oversize() throws {
    let bench = try ServerBench()
    var header = ByteBuffer()
    FrameHeader(length: 1024 * 1024 + 1, type: .request).write(into: &header)
    bench.receive(header)
    #expect(try bench.refusal()?.reason == .frameTooLarge)
  }

  @Test("a stream in use ends the connection")
  func streamInUse() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(0, 1)))
    #expect(try bench.refusal()?.reason == .streamInUse)
    #expect(bench.handler.snapshot.cancelled == [1])
  }

  @Test("a stream in use ends the connection, also when the call would be refused anyway")
  func streamInUseFirst() throws {
    let full = try ServerBench(limits: RPCLimits(maxConcurrentCalls: 1))
    full.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0)))
    full.receive(try ServerBench.heldEcho(2, stream: .slot(0, 1)))
    #expect(try full.refusal()?.reason == .streamInUse)

    let draining = try ServerBench()
    draining.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0)))
    try draining.drain()
    draining.receive(try ServerBench.heldEcho(2, stream: .slot(0, 1)))
    #expect(try draining.refusal()?.reason == .streamInUse)

    let unknown = try ServerBench()
    unknown.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0)))
    unknown.receive(Frame(.request, flags: [.message, .end], code: 99, stream: .slot(0, 1)))
    #expect(try unknown.refusal()?.reason == .streamInUse)
  }

  @Test("a frame of unknown type may be skipped when bit 7 says so; PONG and GOAWAY are heard")
  func skipped() throws {
    let bench = try ServerBench()
    bench.receive(
      Frame(
        FrameType(rawValue: 0x99), flags: FrameFlags(rawValue: 0xF0),
        body: ByteBuffer(bytes: 0...9)))
    bench.receive(Frame(.pong))
    bench.receive(Frame(.goAway, body: ByteBuffer(repeating: 0, count: 12)))
    bench.receive(Frame(.reset, stream: .slot(77)))
    bench.receive(Frame(.ping, body: ByteBuffer(bytes: 1...8)))
    #expect(try bench.sent() == [Frame(.pong, body: ByteBuffer(bytes: 1...8))])
    #expect(!bench.wire.isClosed)
  }

  @Test("random bytes after the handshake never do worse than end the connection")
  func garbage() throws {
    var random = SplitMix(state: 3)
    for _ in 0..<500 {
      let bench = try ServerBench()
      for _ in 0..<4 {
        let frame = Frame(
          FrameType(rawValue: UInt8.random(in: 0...9, using: &random)),
          flags: FrameFlags(rawValue: UInt8.random(in: 0...15, using: &random)),
          code: [0, 1, 2, 0xFFFF].randomElement(using: &random) ?? 0,
          stream: StreamID(rawValue: UInt32.random(in: 0...9, using: &random)),
          body: ByteBuffer(
            bytes: (0..<Int.random(in: 0...40, using: &random)).map { _ in
              UInt8.random(in: 0...255, using: &random)
            }))
        bench.receive(frame)
      }
      bench.connection.abandon()
    }
  }

  // MARK: writing

  @Test(
    "the answers to the few calls of a read leave in one write; of many, half of them before the rest",
    arguments: [3: 1, 40: 2])
  func writes(_ calls: Int, _ writes: Int) throws {
    let bench = try ServerBench()
    var bytes = ByteBuffer()
    let text = String(repeating: "a", count: 64)
    for slot in 0..<calls {
      let frame = try ServerBench.echo(
        FramedrpcV1.EchoRequest(text: text, number: Int64(slot)), stream: .slot(slot))
      bytes.writeImmutableBuffer(frame.bytes)
    }
    bench.receive(bytes)
    #expect(bench.wire.writes.count == writes)
    #expect(try bench.sent().count == calls)
  }

  @Test("a peer that does not read is not read from")
  func slowReader() throws {
    let bench = try ServerBench()
    bench.connection.wireWritabilityChanged(false)
    #expect(!bench.wire.isReading)
    bench.connection.wireWritabilityChanged(true)
    #expect(bench.wire.isReading)
  }

  @Test("a frame that is cut off because this end does not read is not late")
  func partialFrameWhilePaused() throws {
    let bench = try ServerBench()
    let ping = Frame(.ping, body: ByteBuffer(bytes: 1...8)).bytes
    bench.receive(ping.getSlice(at: 0, length: 10) ?? ByteBuffer())
    bench.connection.wireWritabilityChanged(false)
    bench.advance(by: .seconds(15))
    // What was on its way already does not start the time either.
    bench.receive(ping.getSlice(at: 10, length: 2) ?? ByteBuffer())
    bench.advance(by: .milliseconds(14_999))
    #expect(!bench.wire.isClosed)
    bench.connection.wireWritabilityChanged(true)
    bench.advance(by: .milliseconds(9_999))
    #expect(!bench.wire.isClosed)
    bench.advance(by: .milliseconds(1))
    #expect(try bench.refusal()?.reason == .timeout, "the whole time again, and no more")
  }

  @Test("a peer that leaves the write buffer full for 30 seconds is dropped")
  func stalledReader() throws {
    let bench = try ServerBench(limits: RPCLimits(keepaliveInterval: .seconds(100 * 3600)))
    bench.receive(try ServerBench.heldEcho(1))
    for _ in 0..<3 {
      bench.connection.wireWritabilityChanged(false)
      bench.advance(by: .milliseconds(29_999))
      bench.connection.wireWritabilityChanged(true)
      bench.advance(by: .hours(1))
    }
    bench.connection.wireWritabilityChanged(false)
    bench.advance(by: .milliseconds(29_999))
    #expect(!bench.wire.isClosed)
    bench.advance(by: .milliseconds(1))
    #expect(bench.wire.isClosed)
    #expect(bench.wire.closeLimit == .zero, "what it did not read is thrown away")
    #expect(try bench.sent() == [])
    #expect(bench.handler.snapshot.cancelled == [1])
  }

  @Test("answers queue for a slow reader up to maxQueuedBytes, then calls are refused")
  func requestsOfSlowReader() throws {
    let bench = try ServerBench(limits: RPCLimits(maxQueuedBytes: 1_000_000))
    bench.connection.wireWritabilityChanged(false)
    bench.wire.queuedBytes = 1_000_000
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(number: 1), stream: .slot(0)))
    bench.wire.queuedBytes += 1
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(number: 2), stream: .slot(1)))
    bench.connection.wireWritabilityChanged(true)
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(number: 3), stream: .slot(2)))
    let frames = try bench.sent()
    #expect(frames.map(\.status) == [.ok, .resourceExhausted, .ok])
    #expect(frames[1].isNotProcessed)
    #expect(bench.handler.snapshot.started == [1, 3])
  }

  @Test("answers that are not read end the connection above maxUnreadBytes")
  func answersOfSlowReader() throws {
    let bench = try ServerBench(limits: RPCLimits(maxUnreadBytes: 2_000_000))
    for number in 1...3 as ClosedRange<Int64> {
      bench.receive(try ServerBench.heldEcho(number, stream: .slot(Int(number))))
    }
    bench.connection.wireWritabilityChanged(false)
    bench.wire.queuedBytes = 1_999_000
    bench.handler.release(1)
    bench.loop.run()
    #expect(!bench.wire.isClosed)
    bench.wire.queuedBytes = 2_000_000
    bench.handler.release(2)
    bench.loop.run()
    #expect(bench.wire.isClosed)
    #expect(bench.wire.closeLimit == .zero)
    #expect(bench.handler.snapshot.cancelled.contains(3))
  }
}
