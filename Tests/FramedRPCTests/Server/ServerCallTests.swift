import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

/// In virtual time: deadlines pass when a test says so.
@Suite("A server's connection: calls")
struct ServerCallTests {
  @Test("a call is answered on its stream, with the time it took")
  func answer() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(3, 9)))
    bench.advance(by: .microseconds(250))
    bench.handler.release(1)
    let frames = try bench.sent()
    #expect(frames.count == 1)
    #expect(frames[0].header.stream == .slot(3, 9))
    #expect(frames[0].header.aux == 250)
    #expect(frames[0].header.flags == [.message, .end])
    #expect(try FramedrpcV1.EchoResponse(decoding: frames[0].body, limits: .standard).number == 1)
  }

  @Test("answers leave in the order in which they are ready (out-of-order replies)")
  func outOfOrder() throws {
    let bench = try ServerBench()
    for number in 0..<3 {
      bench.receive(try ServerBench.heldEcho(Int64(number), stream: .slot(number)))
    }
    for number in [2, 0, 1] as [Int64] {
      bench.handler.release(number)
      bench.loop.run()
    }
    #expect(try bench.sent().map(\.header.stream.slot) == [2, 0, 1])
  }

  @Test("unimplemented_method and unimplemented_service: by slot and by hash, not processed")
  func unimplemented() throws {
    let bench = try ServerBench()
    bench.receive(Frame(.request, flags: [.message, .end], code: 2, stream: .slot(0)))
    bench.receive(
      Frame(
        .request, flags: [.message, .end], code: 0xFFFF, stream: .slot(1),
        body: ByteBuffer(integer: MethodHash.hash("no.Such/Method"), endianness: .little)))
    let frames = try bench.sent()
    #expect(frames.map(\.status) == [.unimplemented, .unimplemented])
    #expect(frames.map(\.isNotProcessed) == [true, true])
    #expect(!bench.wire.isClosed)
  }

  @Test("a request that is no message is the caller's error, and nobody else's")
  func malformedMessage() throws {
    let bench = try ServerBench()
    let bytes = HandMade.make { $0.field(1, bytes: [0x61, 0]) }
    bench.receive(
      Frame(.request, flags: [.message, .end], stream: .slot(0), body: bytes.buffer))
    let frame = try #require(try bench.sent().first)
    #expect(frame.status == .invalidArgument)
    var body = frame.body
    #expect(try RPCMetadata(from: &body)["reason"] == "malformed-message")
    #expect(String(buffer: body).contains("field text contains a NUL"))
    #expect(!bench.wire.isClosed)
  }

  // MARK: deadlines

  @Test("timeout_on_sleeping_server: an expired call's handler is cancelled")
  func expiry() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, microseconds: 5_000))
    bench.advance(by: .microseconds(4_999))
    #expect(bench.handler.snapshot.cancelled == [])
    bench.advance(by: .microseconds(1))
    #expect(bench.handler.snapshot.cancelled == [1])
    #expect(try bench.sent().map(\.status) == [.deadlineExceeded])
  }

  @Test(
    "a deaf handler does not keep the answer back: DEADLINE_EXCEEDED, once, and the slot is free")
  func expiryOfDeafHandler() throws {
    let bench = try ServerBench(
      limits: RPCLimits(maxConcurrentCalls: 2), handler: TestHandler(isDeaf: true))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0), microseconds: 5_000))
    bench.advance(by: .milliseconds(5))
    let answer = try #require(try bench.sent().first)
    #expect(answer.status == .deadlineExceeded)
    #expect(!answer.isNotProcessed)
    #expect(answer.header.stream == .slot(0, 0))
    #expect(answer.header.aux == 5_000)
    // The slot may be used again, but the handler still counts.
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(0, 1)))
    bench.receive(try ServerBench.heldEcho(3, stream: .slot(1, 0)))
    #expect(try bench.sent().map(\.status) == [.resourceExhausted])
    bench.handler.release(1)
    #expect(try bench.sent() == [], "answered already")
    bench.handler.release(2)
    #expect(try bench.sent().map(\.header.stream) == [.slot(0, 1)])
  }

  @Test("many deadlines, one timer: each call expires at its own time")
  func manyDeadlines() throws {
    let bench = try ServerBench()
    for slot in 0..<10 {
      bench.receive(
        try ServerBench.heldEcho(
          Int64(slot), stream: .slot(slot), microseconds: UInt32(10 - slot) * 10_000))
    }
    for count in 1...10 {
      bench.advance(by: .milliseconds(10))
      #expect(bench.handler.snapshot.cancelled.count == count)
    }
    #expect(try bench.sent().count == 10)
  }

  @Test("a call without a deadline never expires")
  func noDeadline() throws {
    let bench = try ServerBench(limits: RPCLimits(keepaliveInterval: .seconds(100 * 3600)))
    bench.receive(try ServerBench.heldEcho(1))
    bench.advance(by: .hours(24))
    #expect(bench.handler.snapshot.cancelled == [])
  }

  @Test("a handler learns its deadline, its metadata and its method")
  func context() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(), microseconds: 1_000))
    let context = try #require(bench.handler.snapshot.contexts.first)
    #expect(context.deadline == bench.loop.now + .milliseconds(1))
    #expect(context.method == "framedrpc.v1.TestService/Echo")
    #expect(context.metadata.isEmpty)
  }

  // MARK: cancelling

  @Test("cancel_after_begin: RESET cancels the handler, and nothing is answered")
  func reset() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0, 4)))
    bench.receive(Frame(.reset, code: 1, stream: .slot(0, 3)))
    #expect(bench.handler.snapshot.cancelled == [], "another generation")
    bench.receive(Frame(.reset, code: 1, stream: .slot(0, 4)))
    #expect(bench.handler.snapshot.cancelled == [1])
    #expect(try bench.sent() == [])
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(number: 2), stream: .slot(0, 5)))
    #expect(try bench.sent().map(\.header.stream) == [.slot(0, 5)])
  }

  @Test("a handler that outlives its call by 4,096 others answers none of them")
  func lateHandler() throws {
    let bench = try ServerBench(handler: TestHandler(isDeaf: true))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0, 0)))
    bench.receive(Frame(.reset, code: 1, stream: .slot(0, 0)))
    // The same stream id, 4,096 calls later.
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(0, 4096)))
    bench.handler.release(1)
    #expect(try bench.sent() == [])
    bench.handler.release(2)
    let frame = try #require(try bench.sent().first)
    #expect(try FramedrpcV1.EchoResponse(decoding: frame.body, limits: .standard).number == 2)
  }

  @Test("a lost connection cancels its handlers (ClientEOF)")
  func connectionLost() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    bench.connection.wireClosed("test")
    #expect(bench.handler.snapshot.cancelled == [1, 2])
    #expect(try bench.sent() == [])
  }

  @Test("a connection is over when its handlers are, not when its wire is gone")
  func handlerOutlivesConnection() throws {
    let ends = Mutex(0)
    let errors = Mutex(0)
    let bench = try ServerBench(
      handler: TestHandler(isDeaf: true), onUnhandledError: { _, _ in errors.withLock { $0 += 1 } },
      onEnd: { ends.withLock { $0 += 1 } })
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    bench.receive(
      try ServerBench.echo(
        FramedrpcV1.EchoRequest(number: 2, delayMs: 1, failWith: TestHandler.unknownError),
        stream: .slot(1)))
    try bench.drain()
    bench.connection.wireClosed("test")
    bench.connection.abandon()
    #expect(ends.withLock { $0 } == 0)
    bench.handler.release(1)
    bench.loop.run()
    #expect(ends.withLock { $0 } == 0)
    bench.handler.release(2)
    bench.loop.run()
    #expect(ends.withLock { $0 } == 1)
    #expect(errors.withLock { $0 } == 1, "the operator is told, though no caller is there")
  }

  // MARK: concurrency

  @Test("over the limit on calls: resource exhausted, not processed, and the next one may come")
  func concurrencyLimit() throws {
    let bench = try ServerBench(limits: RPCLimits(maxConcurrentCalls: 2))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    bench.receive(try ServerBench.heldEcho(3, stream: .slot(2)))
    let refused = try bench.sent()
    #expect(refused.map(\.status) == [.resourceExhausted])
    #expect(refused.map(\.isNotProcessed) == [true])
    bench.handler.release(1)
    _ = try bench.sent()
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest(), stream: .slot(0, 1)))
    #expect(try bench.sent().map(\.status) == [.ok])
    #expect(bench.handler.snapshot.started == [0, 1, 2])
  }

  @Test("reset flood: handlers that still run count, though their calls were given up")
  func resetFlood() throws {
    let bench = try ServerBench(
      limits: RPCLimits(maxConcurrentCalls: 4), handler: TestHandler(isDeaf: true))
    for number in 0..<100 {
      let stream = StreamID.slot(number % 4, UInt32(number / 4))
      bench.receive(try ServerBench.heldEcho(Int64(number), stream: stream))
      bench.receive(Frame(.reset, code: 1, stream: stream))
    }
    #expect(bench.handler.snapshot.started.count == 4)
    #expect(try bench.sent().map(\.status) == Array(repeating: .resourceExhausted, count: 96))
  }

  @Test("a slot over the limit is refused, and takes no memory")
  func slotLimit() throws {
    let bench = try ServerBench()
    bench.receive(
      try ServerBench.echo(FramedrpcV1.EchoRequest(), stream: .slot(StreamID.maxSlots - 1)))
    #expect(try bench.sent().map(\.status) == [.resourceExhausted])
  }

  // MARK: errors

  @Test("an answer over the caller's limit is resource exhausted")
  func oversizeAnswer() throws {
    let bench = try ServerBench(greets: false)
    var hello = ByteBuffer()
    Hello(maxFrameBytes: 65_536).write(into: &hello)
    bench.receive(hello)
    _ = try bench.sent()
    for (size, status) in [(65_500, RPCStatus.ok), (70_000, .resourceExhausted)] {
      bench.receive(try ServerBench.reflect(bytes: size, stream: .slot(0)))
      #expect(try bench.sent().map(\.status) == [status])
    }
  }

  @Test("an error that the handler did not declare is INTERNAL, and tells nothing")
  func unknownError() throws {
    let errors = Mutex<[String]>([])
    let bench = try ServerBench(onUnhandledError: { error, context in
      errors.withLock { $0.append("\(error) in \(context.method)") }
    })
    bench.receive(
      try ServerBench.echo(FramedrpcV1.EchoRequest(failWith: TestHandler.unknownError)))
    let frame = try #require(try bench.sent().first)
    #expect(frame.status == .internal)
    #expect(frame.text == "the handler failed")
    #expect(frame.header.flags == [.message, .end])
    let reported = errors.withLock { $0 }
    #expect(reported.count == 1)
    #expect(reported.first?.contains("password") == true, "the operator is told")
  }

  @Test("CancellationError is CANCELLED")
  func cancellationError() throws {
    let bench = try ServerBench()
    bench.receive(
      try ServerBench.echo(FramedrpcV1.EchoRequest(failWith: TestHandler.cancellation)))
    #expect(try bench.sent().map(\.status) == [.cancelled])
  }

  @Test("an answer that cannot be encoded is INTERNAL")
  func answerWithNUL() throws {
    struct NULHandler: FramedrpcV1.TestServiceHandler {
      func echo(
        _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.EchoResponse { .init(text: "a\u{0}b") }
      func reflect(
        _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.ReflectResponse {
        throw RPCError(.ok, "no error at all", notProcessed: true)
      }
    }
    let bench = try ServerBench(
      service: FramedrpcV1.TestService.register(NULHandler(), on: .eventLoop))
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest()))
    bench.receive(Frame(.request, flags: [.message, .end], code: 1, stream: .slot(1)))
    #expect(try bench.sent().map(\.status) == [.internal, .internal], "also an error that says OK")
  }

  @Test("an error keeps reason and metadata within the limits, whatever the handler adds")
  func largeError() throws {
    struct LoudHandler: FramedrpcV1.TestServiceHandler {
      func echo(
        _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.EchoResponse {
        var metadata = RPCMetadata()
        for _ in 0..<64 { try metadata.append("k", "v") }
        throw RPCError(
          .aborted, String(repeating: "x", count: 10_000), reason: "loud", metadata: metadata,
          notProcessed: true)
      }
      func reflect(
        _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
      ) async throws -> FramedrpcV1.ReflectResponse { .init() }
    }
    let bench = try ServerBench(
      service: FramedrpcV1.TestService.register(LoudHandler(), on: .eventLoop))
    bench.receive(try ServerBench.echo(FramedrpcV1.EchoRequest()))
    let frame = try #require(try bench.sent().first)
    #expect(frame.status == .aborted)
    #expect(!frame.isNotProcessed, "a handler has run")
    var body = frame.body
    let metadata = try RPCMetadata(from: &body)
    #expect(metadata["reason"] == "loud")
    #expect(metadata.values(of: "k").count == 63)
    #expect(body.readableBytes == 4096)
  }

  // MARK: draining

  @Test("drain: GOAWAY first, calls in flight finish, later ones are not processed, then it closes")
  func drain() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    try bench.drain()
    let goAway = try #require(try bench.refusal())
    #expect(goAway.reason == .shutdown)
    #expect(goAway.acceptedCalls == 1)
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    let late = try #require(try bench.sent().first)
    #expect(late.status == .unavailable)
    #expect(late.isNotProcessed)
    #expect(!bench.wire.isClosed)
    bench.handler.release(1)
    #expect(try bench.sent().map(\.status) == [.ok])
    #expect(bench.wire.isClosed)
    #expect(bench.handler.snapshot.started == [1])
  }

  @Test("GOAWAY counts every request before it, also those that were refused")
  func acceptedCalls() throws {
    let bench = try ServerBench()
    bench.receive(Frame(.request, flags: [.message, .end], code: 99, stream: .slot(0)))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(1)))
    _ = try bench.sent()
    try bench.drain()
    #expect(try bench.refusal()?.acceptedCalls == 2)
  }

  @Test("drain waits for handlers whose callers have left")
  func drainWaitsForGivenUpCalls() throws {
    let bench = try ServerBench(handler: TestHandler(isDeaf: true))
    bench.receive(try ServerBench.heldEcho(1))
    bench.receive(Frame(.reset, code: 1, stream: .slot(0)))
    try bench.drain()
    bench.loop.run()
    #expect(!bench.wire.isClosed)
    bench.handler.release(1)
    bench.loop.run()
    #expect(bench.wire.isClosed)
  }

  @Test("an idle connection is closed by drain at once; draining twice says it once")
  func drainIdle() throws {
    let bench = try ServerBench()
    try bench.drain()
    bench.connection.drain()
    #expect(try bench.sent().count == 1)
    #expect(bench.wire.isClosed)
  }

  @Test("DRAIN: a client that heeds it has no call refused, another is told a second later")
  func drainNotice() throws {
    let bench = try ServerBench()
    bench.connection.drain()
    #expect(try bench.sent().map(\.header.type) == [.drain, .ping])
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    #expect(try bench.sent() == [], "what was on its way is taken on")
    bench.advance(by: .milliseconds(999))
    #expect(try bench.sent() == [])
    bench.advance(by: .milliseconds(1))
    #expect(try bench.refusal()?.acceptedCalls == 1)
    bench.handler.release(1)
    #expect(try bench.sent().map(\.status) == [.ok])
    #expect(bench.wire.isClosed)
  }

  @Test("a connection that is old is drained, and ended when its calls take too long")
  func maxAge() throws {
    let bench = try ServerBench(
      limits: RPCLimits(maxConnectionAge: .seconds(100), maxConnectionAgeGrace: .seconds(10)))
    bench.advance(by: .seconds(89))
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    #expect(try bench.sent() == [])
    // Between 90 and 110 seconds. The client answers pings, also those that ask whether it lives.
    var isGoingAway = false
    for _ in 0..<22 where !isGoingAway {
      bench.advance(by: .seconds(1))
      for frame in try bench.sent() {
        isGoingAway = isGoingAway || frame.header.type == .goAway
        if frame.header.type == .ping { bench.receive(Frame(.pong, body: frame.body)) }
      }
    }
    isGoingAway = try isGoingAway || bench.refusal() != nil
    #expect(isGoingAway)
    bench.receive(try ServerBench.heldEcho(2, stream: .slot(1)))
    #expect(try bench.sent().contains { $0.status == .unavailable && $0.isNotProcessed })
    bench.advance(by: .seconds(10))
    #expect(bench.wire.isClosed)
    #expect(bench.handler.snapshot.cancelled == [1])
  }

  @Test("keepalive: a client that died in the middle of a call has its handler cancelled")
  func deadClient() throws {
    let bench = try ServerBench()
    bench.receive(try ServerBench.heldEcho(1, stream: .slot(0)))
    bench.advance(by: .seconds(10))
    #expect(try bench.sent().map(\.header.type) == [.ping])
    bench.advance(by: .seconds(5))
    #expect(bench.wire.isClosed)
    bench.loop.run()
    #expect(bench.handler.snapshot.cancelled == [1])
  }

  @Test("answers that have not left have the grace to leave, and two seconds after it")
  func abandonWhileLeaving() throws {
    let bench = try ServerBench()
    try bench.drain()
    #expect(bench.wire.closeLimit == .seconds(30))
    bench.connection.abandon()
    #expect(bench.wire.closeLimit == .seconds(2))
  }

  @Test("abandon ends a drain that takes too long")
  func abandon() throws {
    let bench = try ServerBench(handler: TestHandler(isDeaf: true))
    bench.receive(try ServerBench.heldEcho(1))
    try bench.drain()
    bench.connection.abandon()
    #expect(bench.wire.isClosed)
    bench.handler.release(1)
    bench.loop.run()
  }
}
