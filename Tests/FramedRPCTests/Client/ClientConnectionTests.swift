import FramedRPC
import NIOCore
import NIOEmbedded
import Testing

/// In virtual time: the bench's loop only moves when a test says so.
@Suite("A client's connection")
struct ClientConnectionTests {
  private static func goAway(_ accepted: UInt64) -> GoAway {
    GoAway(acceptedCalls: accepted, reason: .shutdown, message: "bye")
  }

  // MARK: handshake

  @Test("it opens with magic and HELLO, and is ready after SETTINGS")
  func handshake() throws {
    let bench = try ClientBench(settings: nil)
    bench.loop.run()
    #expect(bench.wire.writes == [ByteBuffer(hex: GoldenVectorTests.helloWithStreaming)])
    #expect(!bench.owner.isReady)
    bench.receive(ByteBuffer(hex: GoldenVectorTests.settings))
    #expect(bench.owner.isReady)
    #expect(bench.connection.methods == GoldenVectorTests.methods)
  }

  @Test("a server that does not answer the handshake is given up")
  func silentServer() throws {
    let bench = try ClientBench(settings: nil)
    bench.advance(by: .milliseconds(4_999))
    #expect(bench.owner.retired == nil)
    bench.advance(by: .milliseconds(1))
    #expect(bench.owner.retired?.status == .unavailable)
    #expect(bench.wire.isClosed)
  }

  @Test("a version that it did not offer is refused")
  func version() throws {
    let bench = try ClientBench(
      settings: Settings(version: 2, maxFrameBytes: 0, maxConcurrentCalls: 1, methods: []))
    #expect(bench.owner.retired?.message.contains("version 2") == true)
    #expect(bench.wire.isClosed)
  }

  static let notAllowed: [(String, Frame)] = [
    ("unknown type", Frame(FrameType(rawValue: 0x33))),
    ("REQUEST", Frame(.request, flags: [.message, .end])),
    ("HELLO", Frame(.hello)),
    ("second SETTINGS", Frame(.settings, body: ByteBuffer(repeating: 0, count: 4))),
    ("PONG with END", Frame(.pong, flags: .end)),
    ("RESPONSE without END", Frame(.response, flags: .message)),
    ("DATA cut off", Frame(.data, flags: [.message, .more], body: ByteBuffer(bytes: [1]))),
    ("DATA that goes on and ends", Frame(.data, flags: [.message, .more, .end])),
    ("DATA of nothing", Frame(.data)),
    ("WINDOW cut off", Frame(.window, body: ByteBuffer(bytes: [1, 2, 3]))),
    ("GOAWAY cut off", Frame(.goAway, body: ByteBuffer(repeating: 0, count: 3))),
    (
      "RESPONSE with malformed metadata",
      Frame(.response, flags: [.message, .end, .metadata], body: ByteBuffer(bytes: [1]))
    ),
  ]

  @Test("a frame that is not allowed ends the connection and its calls", arguments: Self.notAllowed)
  func violation(_ name: String, _ frame: Frame) throws {
    let bench = try ClientBench()
    let call = bench.call()
    bench.receive(frame)
    #expect(call.error?.status == .unavailable)
    #expect(call.error?.notProcessed == false)
    #expect(bench.wire.isClosed)
    #expect(try bench.sent().last?.header.type == .goAway, "the server is told why")
  }

  @Test("a frame that may be skipped is skipped, and PING is answered")
  func skipped() throws {
    let bench = try ClientBench()
    bench.receive(Frame(FrameType(rawValue: 0x80)))
    bench.receive(Frame(.ping, body: ByteBuffer(bytes: [5])))
    #expect(try bench.sent() == [Frame(.pong, body: ByteBuffer(bytes: [5]))])
  }

  // MARK: calls

  @Test("a call is one frame: slot of its method, time left, message")
  func request() throws {
    let bench = try ClientBench()
    let call = bench.call(timeout: .milliseconds(250))
    let frames = try bench.sent()
    #expect(
      frames == [
        Frame(
          .request, flags: [.message, .end], code: 0, stream: .slot(0), aux: 250_000,
          body: GoldenVectorTests.hi)
      ])
    bench.receive(ClientBench.answer(.slot(0), body: GoldenVectorTests.hi))
    #expect(call.message == GoldenVectorTests.hi)
  }

  @Test("a deadline of more than 71 minutes is sent as the longest there is")
  func longDeadline() throws {
    let bench = try ClientBench()
    _ = bench.call(timeout: .hours(48))
    #expect(try bench.sent().first?.header.aux == .max)
  }

  @Test("calls of one tick leave in one write")
  func oneWrite() throws {
    let bench = try ClientBench()
    _ = bench.begin("a")
    _ = bench.begin("b")
    bench.loop.run()
    #expect(bench.wire.writes.count == 1)
  }

  @Test("a slot is used again with the next generation, and a late answer is dropped")
  func generations() throws {
    let bench = try ClientBench()
    let first = bench.call()
    bench.cancel(first)
    let second = bench.call()
    #expect(
      try bench.sent().map(\.header.stream) == [.slot(0, 0), .slot(0, 0), .slot(0, 1)],
      "request, reset, request")
    bench.receive(ClientBench.answer(.slot(0, 0), body: ByteBuffer(string: "late")))
    #expect(second.outcome == nil)
    bench.receive(ClientBench.answer(.slot(0, 1)))
    #expect(second.message != nil)
    // An answer that comes twice, and one to a stream that never was.
    bench.receive(ClientBench.answer(.slot(0, 1)))
    bench.receive(ClientBench.answer(.slot(99, 0)))
    #expect(!bench.wire.isClosed)
  }

  @Test("the generation wraps after 4,096 calls in one slot")
  func generationWraps() throws {
    let bench = try ClientBench()
    for number in 0...4096 {
      let call = bench.call()
      let stream = try #require(try bench.sent().first).header.stream
      #expect(stream == .slot(0, UInt32(number % 4096)))
      bench.receive(ClientBench.answer(stream))
      #expect(call.message != nil)
    }
  }

  @Test("errors arrive with status, text, reason, metadata and the not-processed flag")
  func errors() throws {
    let bench = try ClientBench()
    let call = bench.call()
    var metadata = RPCMetadata()
    try metadata.append("reason", "fee-mismatch")
    try metadata.append("detail", "12")
    var body = ByteBuffer()
    metadata.write(into: &body)
    body.writeString("no 💰")
    bench.receive(
      Frame(
        .response, flags: [.message, .end, .metadata], code: 0x0109, stream: .slot(0), body: body))
    let error = try #require(call.error)
    #expect(error.status == .failedPrecondition)
    #expect(error.message == "no 💰")
    #expect(error.reason == "fee-mismatch")
    #expect(error.metadata["detail"] == "12")
    #expect(error.metadata.entries.count == 1, "the reason is not said twice")
    #expect(error.notProcessed)
  }

  @Test("a status that is not known is UNKNOWN, and a text that is no UTF-8 is still shown")
  func unknownStatus() throws {
    let bench = try ClientBench()
    let call = bench.call()
    bench.receive(
      Frame(
        .response, flags: [.message, .end], code: 200, stream: .slot(0),
        body: ByteBuffer(bytes: [0xFF])))
    #expect(call.error?.status == .unknown)
    #expect(call.error?.message == "\u{FFFD}")
  }

  @Test("RESET from the server ends the call; OK in it makes no sense and is UNKNOWN")
  func resetByServer() throws {
    let bench = try ClientBench()
    let calls = [bench.call(), bench.call()]
    bench.receive(Frame(.reset, code: 10, stream: .slot(0)))
    bench.receive(Frame(.reset, code: 0, stream: .slot(1)))
    #expect(calls.map(\.error?.status) == [.aborted, .unknown])
  }

  // MARK: giving up

  @Test("a deadline that has passed already: refused here, nothing is sent")
  func pastDeadline() throws {
    let bench = try ClientBench()
    for timeout in [TimeAmount.zero, .nanoseconds(-5), .nanoseconds(999)] {
      let call = bench.call(timeout: timeout)
      #expect(call.error?.status == .deadlineExceeded)
      #expect(call.error?.notProcessed == true)
    }
    #expect(try bench.sent() == [])
  }

  @Test("when the deadline passes the call fails and the server is told")
  func deadline() throws {
    let bench = try ClientBench()
    let short = bench.call(timeout: .milliseconds(10))
    let long = bench.call(timeout: .milliseconds(20))
    _ = try bench.sent()
    bench.advance(by: .milliseconds(10))
    #expect(short.error?.status == .deadlineExceeded)
    #expect(short.error?.notProcessed == false)
    #expect(long.outcome == nil)
    #expect(try bench.sent() == [Frame(.reset, code: 4, stream: .slot(0))])
    bench.advance(by: .milliseconds(10))
    #expect(long.error?.status == .deadlineExceeded)
  }

  @Test("cancel: the call fails at once and the server is told; cancelling later does nothing")
  func cancel() throws {
    let bench = try ClientBench()
    let call = bench.call()
    _ = try bench.sent()
    bench.cancel(call)
    #expect(call.error?.status == .cancelled)
    #expect(try bench.sent() == [Frame(.reset, code: 1, stream: .slot(0))])
    let answered = bench.call()
    bench.receive(ClientBench.answer(.slot(0, 1)))
    _ = try bench.sent()
    bench.cancel(answered)
    #expect(answered.message != nil)
    #expect(try bench.sent() == [])
  }

  @Test("a task that was cancelled before its call sends nothing, also on the loop itself")
  func cancelledBefore() throws {
    let bench = try ClientBench()
    let call = bench.call(isCancelled: true)
    #expect(call.error?.status == .cancelled)
    #expect(call.error?.notProcessed == true)
    #expect(try bench.sent() == [])
  }

  // MARK: limits

  @Test("what the server does not offer is not sent")
  func unimplemented() throws {
    let bench = try ClientBench()
    let call = bench.call(method: "no.Such/Method")
    #expect(call.error?.status == .unimplemented)
    #expect(call.error?.notProcessed == true)
    #expect(try bench.sent() == [])
  }

  @Test("a request of the server's limit is sent, one byte more is refused here")
  func requestSize() throws {
    // A server without streaming has unary calls of one frame.
    var settings = ClientBench.settings
    settings.streaming = nil
    let bench = try ClientBench(settings: settings)
    let limit = ClientBench.settings.maxFrameBytes
    // A text of that length has a tag of one byte and a length of three before it.
    #expect(bench.call(String(repeating: "x", count: limit - 4)).outcome == nil)
    let tooLarge = bench.call(String(repeating: "x", count: limit - 3))
    #expect(tooLarge.error?.status == .resourceExhausted)
    var metadata = RPCMetadata()
    try metadata.append("k", "v")
    let withMetadata = bench.call(String(repeating: "x", count: limit - 13), metadata: metadata)
    #expect(withMetadata.outcome == nil)
    #expect(try bench.sent().map(\.header.length) == [UInt32(limit), UInt32(limit)])
  }

  @Test("more calls than the server allows are refused here, until one is answered")
  func concurrency() throws {
    let bench = try ClientBench()
    let calls = (0..<5).map { _ in bench.call() }
    #expect(calls.prefix(4).allSatisfy { $0.outcome == nil })
    #expect(calls[4].error?.status == .resourceExhausted)
    #expect(calls[4].error?.notProcessed == true)
    bench.receive(ClientBench.answer(.slot(2)))
    #expect(bench.call().outcome == nil)
  }

  @Test("calls queue for a slow server up to maxQueuedBytes, then they are refused")
  func backpressure() throws {
    let bench = try ClientBench()
    bench.connection.wireWritabilityChanged(false)
    bench.wire.queuedBytes = 16 * 1024 * 1024
    #expect(bench.call().outcome == nil)
    bench.wire.queuedBytes += 1
    #expect(bench.call().error?.status == .resourceExhausted)
    bench.connection.wireWritabilityChanged(true)
    #expect(bench.call().outcome == nil)
  }

  @Test("a server that reads nothing for 30 seconds is given up")
  func stalledServer() throws {
    let bench = try ClientBench(limits: RPCLimits(keepaliveInterval: .seconds(3_600)))
    let call = bench.call()
    bench.connection.wireWritabilityChanged(false)
    bench.advance(by: .milliseconds(29_999))
    #expect(call.outcome == nil)
    bench.advance(by: .milliseconds(1))
    #expect(call.error?.status == .unavailable)
    #expect(bench.wire.closeLimit == .zero)
  }

  // MARK: ending

  @Test("GOAWAY: calls not accepted fail as not processed, the others are awaited")
  func goAway() throws {
    let bench = try ClientBench()
    let accepted = bench.call()
    let refused = bench.call()
    bench.receive(Self.goAway(1))
    #expect(refused.error?.status == .unavailable)
    #expect(refused.error?.notProcessed == true)
    #expect(accepted.outcome == nil)
    #expect(bench.owner.retired?.notProcessed == true, "the owner connects anew")
    let late = bench.call()
    #expect(late.error?.status == .unavailable)
    #expect(late.error?.notProcessed == true)
    #expect(!bench.wire.isClosed)
    bench.receive(ClientBench.answer(.slot(0)))
    #expect(accepted.message != nil)
    #expect(bench.wire.isClosed)
  }

  @Test("GOAWAY to an idle client closes; before SETTINGS it fails the handshake")
  func goAwayIdle() throws {
    let idle = try ClientBench()
    idle.receive(Self.goAway(0))
    #expect(idle.wire.isClosed)
    let early = try ClientBench(settings: nil)
    early.receive(Self.goAway(0))
    #expect(early.owner.retired != nil)
    #expect(early.wire.isClosed)
  }

  @Test("a lost connection: whether its calls had an effect nobody can say (ServerEOF)")
  func lost() throws {
    let bench = try ClientBench()
    let calls = [bench.call(), bench.call()]
    bench.connection.wireClosed("reset by peer")
    bench.loop.run()
    for call in calls {
      #expect(call.error?.status == .unavailable)
      #expect(call.error?.notProcessed == false)
    }
    #expect(bench.owner.retired != nil)
    #expect(bench.call().error?.notProcessed == true)
  }

  @Test("retiring waits for the calls in flight and takes no more")
  func retire() throws {
    let bench = try ClientBench()
    let call = bench.call()
    bench.connection.retire()
    bench.loop.run()
    #expect(bench.call().error?.notProcessed == true)
    #expect(!bench.wire.isClosed)
    bench.receive(ClientBench.answer(.slot(0)))
    #expect(call.message != nil)
    #expect(bench.wire.isClosed)
  }

  // MARK: keeping alive

  @Test("a server that is silent while calls wait is asked, and given up without an answer")
  func keepalive() throws {
    let bench = try ClientBench()
    let call = bench.call()
    _ = try bench.sent()
    bench.advance(by: .seconds(10))
    #expect(try bench.sent().map(\.header.type) == [.ping])
    bench.advance(by: .milliseconds(4_999))
    #expect(call.outcome == nil)
    bench.advance(by: .milliseconds(1))
    #expect(call.error?.status == .unavailable)
    #expect(bench.wire.isClosed)
  }

  @Test("a server that answers pings may think as long as it wants")
  func keepaliveAnswered() throws {
    let bench = try ClientBench()
    let call = bench.call()
    _ = try bench.sent()
    var pings = 0
    for _ in 0..<600 {
      bench.advance(by: .seconds(1))
      for frame in try bench.sent() where frame.header.type == .ping {
        pings += 1
        bench.receive(Frame(.pong, body: frame.body))
      }
    }
    #expect(call.outcome == nil)
    #expect(pings >= 30)
  }

  @Test("the silence is measured from the last frame, and from when a call began to wait")
  func keepaliveTimes() throws {
    let bench = try ClientBench()
    let call = bench.call()
    bench.advance(by: .seconds(9))
    bench.receive(Frame(.ping))
    _ = try bench.sent()
    bench.advance(by: .milliseconds(9_999))
    #expect(try bench.sent() == [])
    bench.advance(by: .milliseconds(1))
    #expect(try bench.sent().map(\.header.type) == [.ping])
    bench.receive(ClientBench.answer(.slot(0)))
    #expect(call.message != nil)
    // Nothing was heard for a while, but nobody waited: whether or not a timer still runs.
    for (generation, idle) in [(1, .seconds(4)), (2, .hours(1))] as [(UInt32, TimeAmount)] {
      bench.advance(by: idle)
      _ = bench.call()
      _ = try bench.sent()
      bench.advance(by: .milliseconds(9_999))
      #expect(try bench.sent() == [])
      bench.advance(by: .milliseconds(1))
      #expect(try bench.sent().map(\.header.type) == [.ping])
      bench.receive(ClientBench.answer(.slot(0, generation)))
    }
  }

  @Test("an idle connection is left alone")
  func keepaliveIdle() throws {
    let bench = try ClientBench()
    bench.advance(by: .hours(1))
    #expect(try bench.sent() == [])
    #expect(!bench.wire.isClosed)
  }
}
