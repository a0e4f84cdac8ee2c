import Contracts
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// The frames of every kind of stream, as a server reads and writes them.
@Suite("Server streams, frame by frame")
struct ServerStreamTests {
  @Test("server streaming: the request with REQUEST, DATA for each answer, RESPONSE")
  func serverStreaming() throws {
    let server = try StreamServer()
    server.receive(
      Frame(.request, flags: [.message, .end], code: StreamServer.download, stream: .slot(3, 2)))
    let call = try #require(server.held.calls.first)
    #expect(server.write(call, ByteBuffer(string: "one")).value != nil)
    #expect(try server.sent() == [.data("one", stream: .slot(3, 2))])
    #expect(server.write(call, ByteBuffer()).value != nil)
    server.held.end()
    #expect(try server.sent() == [.data("", stream: .slot(3, 2)), .ok(.slot(3, 2))])
  }

  @Test("client streaming: DATA for each request, END, and the answer in DATA before RESPONSE")
  func clientStreaming() throws {
    let server = try StreamServer()
    server.receive(Frame(.request, code: StreamServer.upload, stream: .slot(1)))
    let call = try #require(server.held.calls.first)
    server.receive(
      .data("one", stream: .slot(1)), .data("two", [.message, .end], stream: .slot(1)))
    #expect(server.read(call).value == ByteBuffer(string: "one"))
    #expect(server.read(call).value == ByteBuffer(string: "two"))
    #expect(server.read(call).value == .some(nil))
    server.held.end()
    let answer = try FramedrpcV1.StreamResponse(messages: 1).encoded()
    #expect(
      try server.sent() == [
        Frame(.data, flags: .message, stream: .slot(1), body: answer), .ok(.slot(1)),
      ])
  }

  @Test("bidirectional: both speak at once, the server also before and after the client")
  func bidirectional() throws {
    let server = try StreamServer()
    let call = try server.open()
    _ = server.write(call, ByteBuffer(string: "first"))
    #expect(try server.sent() == [.data("first")])
    server.receive(.data("hello"), .end())
    #expect(server.read(call).value == ByteBuffer(string: "hello"))
    #expect(server.read(call).value == .some(nil))
    _ = server.write(call, ByteBuffer(string: "after your end"))
    server.held.end()
    #expect(try server.sent() == [.data("after your end"), .ok()])
  }

  @Test("an answer may come before the client's end; what follows is counted and dropped")
  func endsFirst() throws {
    let server = try StreamServer()
    let call = try server.open()
    server.held.end()
    #expect(try server.sent() == [.ok()])
    server.receive(.data("late"), .end(), .window(.slot(0), 1 << 40))
    #expect(try server.sent() == [])
    let error = server.write(call, ByteBuffer(string: "x")).error
    #expect(error?.status == .failedPrecondition)
    #expect(!server.bench.wire.isClosed)
  }

  @Test("initial metadata goes first and alone, trailing metadata with RESPONSE")
  func metadata() throws {
    let server = try StreamServer()
    let call = try server.open()
    var metadata = RPCMetadata()
    try metadata.append("a", "b")
    try call.writeInitialMetadata(metadata)
    #expect(throws: RPCError.self) { try call.writeInitialMetadata(metadata) }
    try server.held.contexts[0].appendTrailer("c", "d")
    server.held.end()
    var first = ByteBuffer()
    metadata.write(into: &first)
    let sent = try server.sent()
    #expect(sent.map(\.header.type) == [.data, .response])
    #expect(sent.first == Frame(.data, flags: .metadata, stream: .slot(0), body: first))
    #expect(sent.last?.header.flags == [.metadata, .end])
    var body = try #require(sent.last?.body)
    #expect(try RPCMetadata(from: &body)["c"] == "d")
    #expect(body.readableBytes == 0)
  }

  @Test("initial metadata after a message is refused here")
  func lateMetadata() throws {
    let server = try StreamServer()
    let call = try server.open()
    _ = server.write(call, ByteBuffer(string: "x"))
    #expect(throws: RPCError.self) { try call.writeInitialMetadata(RPCMetadata()) }
    #expect(try server.sent() == [.data("x")])
  }

  @Test("an error comes after the messages before it, with its reason")
  func error() throws {
    let server = try StreamServer()
    let call = try server.open()
    _ = server.write(call, ByteBuffer(string: "one"))
    server.held.end(throwing: RPCError(.notFound, "no more"))
    #expect(
      try server.sent() == [
        .data("one"),
        Frame(
          .response, flags: [.message, .end], code: 5, stream: .slot(0),
          body: ByteBuffer(string: "no more")),
      ])
  }

  // MARK: chunks

  @Test("a message over 64 KiB leaves in chunks, the first with its length")
  func chunkedAnswer() throws {
    let server = try StreamServer()
    let call = try server.open()
    let message = ByteBuffer(bytes: (0..<200_000).map { UInt8(truncatingIfNeeded: $0) })
    _ = server.write(call, message)
    let sent = try server.sent()
    #expect(sent.map(\.body.readableBytes) == [65_536, 65_536, 65_536, 3_396])
    #expect(
      sent.map(\.header.flags) == [
        [.message, .more], [.message, .more], [.message, .more], .message,
      ])
    var assembler = MessageAssembler()
    var whole: ByteBuffer?
    for frame in sent {
      let isLast = !frame.header.flags.contains(.more)
      if case .message(let message) = try assembler.append(
        frame.body, isLast: isLast, limit: .max)
      {
        whole = message
      }
    }
    #expect(whole == message)
  }

  @Test(
    "the length of a message decides whether it has chunks",
    arguments: [
      (65_535, [65_535]), (65_536, [65_536]), (65_537, [65_536, 5]), (131_068, [65_536, 65_536]),
    ])
  func chunkSizes(_ bytes: Int, _ bodies: [Int]) throws {
    let server = try StreamServer()
    let call = try server.open()
    _ = server.write(call, ByteBuffer(repeating: 1, count: bytes))
    #expect(try server.sent().map(\.body.readableBytes) == bodies)
  }

  @Test("chunks of any size are put together; other streams come between them")
  func chunkedRequest() throws {
    let server = try StreamServer()
    let one = try server.open(.slot(0))
    let two = try server.open(.slot(1))
    server.receive(
      .firstChunk(total: 10, bytes: 1), .data("between", stream: .slot(1)),
      .data(bytes: 0, [.message, .more]), .data(bytes: 8, [.message, .more]),
      .data(bytes: 1, [.message, .end]))
    #expect(server.read(one).value == ByteBuffer(repeating: 7, count: 10))
    #expect(server.read(one).value == .some(nil))
    #expect(server.read(two).value == ByteBuffer(string: "between"))
  }

  @Test("a unary answer of up to 128 KiB is one RESPONSE, if the client takes that")
  func wholeAnswer() throws {
    for (limit, size, isWhole) in [
      (1024 * 1024, 131_072, true), (1024 * 1024, 131_073, false), (100_000, 100_000, true),
      (100_000, 100_001, false), (65_536, 65_537, false),
    ] {
      func answer(_ bytes: Int) -> FramedrpcV1.ReflectResponse {
        .init(everything: .init(small: Int32(bytes), raw: [UInt8](repeating: 7, count: bytes)))
      }
      let around = try answer(size).encoded().readableBytes - size
      let bytes = size - around
      let bench = try ServerBench(greets: false)
      var hello = ByteBuffer()
      Hello(maxFrameBytes: limit, streaming: StreamServer.clientLimits).write(into: &hello)
      bench.receive(hello)
      _ = try bench.sent()
      bench.receive(try ServerBench.reflect(bytes: bytes, stream: .slot(0)))
      let sent = try bench.sent()
      #expect(sent.first?.header.type == (isWhole ? .response : .data))
      #expect(sent.count == 1 || !isWhole)
      if isWhole, let body = sent.first?.body {
        #expect(body.readableBytes == size)
        #expect(try FramedrpcV1.ReflectResponse(decoding: body, limits: .standard) == answer(bytes))
      }
    }
  }

  @Test("a unary answer over 128 KiB is chunks and RESPONSE, for who has no streams one RESPONSE")
  func unaryAnswer() throws {
    for streaming in [StreamServer.clientLimits, nil] {
      let bench = try ServerBench(greets: false)
      var hello = ByteBuffer()
      Hello(maxFrameBytes: 1024 * 1024, streaming: streaming).write(into: &hello)
      bench.receive(hello)
      _ = try bench.sent()
      bench.receive(try ServerBench.reflect(bytes: 140_000, stream: .slot(0)))
      let sent = try bench.sent()
      if streaming == nil {
        #expect(sent.map(\.header.type) == [.response])
        #expect(sent.first?.header.flags == [.message, .end])
      } else {
        #expect(sent.map(\.header.type) == [.data, .data, .data, .response])
        #expect(
          sent.map(\.header.flags) == [[.message, .more], [.message, .more], .message, .end])
      }
    }
  }

  @Test("a unary request may come in chunks, and is answered in DATA")
  func unaryRequest() throws {
    let bench = try ServerBench(greets: false)
    var hello = ByteBuffer()
    Hello(maxFrameBytes: 1024 * 1024, streaming: StreamServer.clientLimits).write(into: &hello)
    bench.receive(hello)
    _ = try bench.sent()
    bench.receive(Frame(.request, stream: .slot(0)))
    let request = try FramedrpcV1.EchoRequest(text: "hi").encoded()
    var first = ByteBuffer(integer: UInt32(request.readableBytes), endianness: .little)
    first.writeImmutableBuffer(request.getSlice(at: 0, length: 1) ?? ByteBuffer())
    bench.receive(Frame(.data, flags: [.message, .more], stream: .slot(0), body: first))
    bench.receive(
      Frame(
        .data, flags: [.message, .end], stream: .slot(0),
        body: request.getSlice(at: 1, length: request.readableBytes - 1) ?? ByteBuffer()))
    let sent = try bench.sent().filter { $0.header.type != .ping }
    #expect(sent.map(\.header.type) == [.data, .response])
    #expect(sent.map(\.header.flags) == [.message, .end])
    let answer = try FramedrpcV1.EchoResponse(
      decoding: sent.first?.body ?? ByteBuffer(), limits: .standard)
    #expect(answer.text == "hi")
  }

  @Test("a message over the limit ends its call, before it has come")
  func tooLarge() throws {
    let server = try StreamServer(limits: RPCLimits(maxMessageBytes: 100_000))
    _ = try server.open()
    server.receive(.firstChunk(total: 100_001, bytes: 1))
    let sent = try server.sent()
    #expect(sent.map(\.status) == [.resourceExhausted])
    #expect(server.held.cancelled == [0])
    server.receive(.data(bytes: 100))
    #expect(!server.bench.wire.isClosed)
  }

  @Test("what all streams promise together is bounded")
  func promises() throws {
    let server = try StreamServer(limits: RPCLimits(maxBufferedBytes: 10_000_000))
    for slot in 0..<3 {
      _ = try server.open(.slot(slot))
      server.receive(.firstChunk(total: 4_000_000, bytes: 1, stream: .slot(slot)))
    }
    let refused = try server.sent()
    #expect(refused.map(\.status) == [.resourceExhausted])
    #expect(refused.map(\.header.stream) == [.slot(2)])
    // A call that ends gives its part back.
    server.receive(Frame(.reset, code: 1, stream: .slot(0)))
    _ = try server.open(.slot(2, 1))
    server.receive(.firstChunk(total: 4_000_000, bytes: 1, stream: .slot(2, 1)))
    #expect(try server.sent() == [])
  }

  // MARK: giving up

  @Test("RESET cancels the handler and is not answered; what waits is thrown away")
  func reset() throws {
    let server = try StreamServer(
      client: StreamingLimits(streamWindow: 0, connectionWindow: 0, maxMessageBytes: 4_000_000))
    let call = try server.open()
    let writing = server.write(call, ByteBuffer(repeating: 0, count: 1_000_000))
    let waiting = server.write(call, ByteBuffer(repeating: 0, count: 1_000_000))
    #expect(writing.isOver)
    #expect(!waiting.isOver)
    _ = try server.sent()
    server.receive(Frame(.reset, code: 1, stream: .slot(0)))
    #expect(waiting.error?.status == .cancelled)
    #expect(server.held.cancelled == [0])
    server.receive(.window(.slot(0), 1 << 40), .window(nil, 1 << 40))
    #expect(try server.sent() == [])
    #expect(server.read(call).error?.status == .cancelled)
  }

  @Test("a deadline that has passed on arrival is answered, and the handler cancelled")
  func deadlineOnArrival() throws {
    let server = try StreamServer()
    _ = try server.open(microseconds: 1)
    server.bench.advance(by: .milliseconds(1))
    let sent = try server.sent()
    #expect(sent.map(\.status) == [.deadlineExceeded])
    #expect(server.held.cancelled == [0])
  }

  @Test("a deadline ends a writer and a reader that wait")
  func deadline() throws {
    let server = try StreamServer()
    let call = try server.open(microseconds: 500_000)
    let reading = server.read(call)
    while server.write(call, ByteBuffer(repeating: 0, count: 60_000)).isOver {}
    let blocked = server.write(call, ByteBuffer(repeating: 0, count: 60_000))
    #expect(!reading.isOver)
    #expect(!blocked.isOver)
    _ = try server.sent()
    server.bench.advance(by: .milliseconds(500))
    #expect(reading.error?.status == .deadlineExceeded)
    #expect(blocked.error?.status == .deadlineExceeded)
    #expect(try server.sent().map(\.status) == [.deadlineExceeded])
  }

  @Test("a task that reads and is cancelled leaves its call alone")
  func cancelledReader() throws {
    let server = try StreamServer()
    let call = try server.open()
    let reading = server.read(call)
    reading.task?.cancel()
    server.bench.loop.run()
    #expect(reading.isOver)
    #expect(reading.error == nil, "CancellationError is no RPCError")
    server.receive(.data("still here"))
    #expect(server.read(call).value == ByteBuffer(string: "still here"))
  }

  @Test("resets and running handlers: a flood starts no more than the limit")
  func resetFlood() throws {
    let bench = try ServerBench(
      limits: RPCLimits(maxConcurrentCalls: 8), handler: TestHandler(isDeaf: true))
    for generation in 0..<100 as Range<UInt32> {
      bench.receive(
        try ServerBench.heldEcho(Int64(generation), stream: .slot(0, generation)))
      bench.receive(Frame(.reset, code: 1, stream: .slot(0, generation)))
    }
    #expect(bench.handler.snapshot.started.count == 8)
    let sent = try bench.sent()
    #expect(sent.count == 92)
    #expect(sent.allSatisfy { $0.status == .resourceExhausted && $0.isNotProcessed })
    for number in 0..<8 as Range<Int64> {
      bench.handler.release(number)
    }
    bench.loop.run()
    bench.receive(try ServerBench.heldEcho(1_000, stream: .slot(0, 200)))
    #expect(bench.handler.snapshot.started.contains(1_000))
    bench.handler.release(1_000)
    #expect(try bench.sent().map(\.status) == [.ok])
  }

  @Test("the last frames of a stream leave before the connection closes")
  func lastFrame() throws {
    let server = try StreamServer()
    let call = try server.open()
    try server.bench.drain()
    #expect(try server.sent().map(\.header.type) == [.goAway])
    _ = server.write(call, ByteBuffer(repeating: 1, count: 100_000))
    server.held.end()
    #expect(try server.sent().map(\.header.type) == [.data, .data, .response])
    #expect(server.bench.wire.isClosed)
  }

  @Test("a drained server waits for an answer that waits for credit")
  func drainWithoutCredit() throws {
    let server = try StreamServer(
      client: StreamingLimits(streamWindow: 0, connectionWindow: 0, maxMessageBytes: 4_000_000))
    let call = try server.open()
    _ = server.write(call, ByteBuffer(repeating: 1, count: 300_000))
    server.held.end()
    _ = try server.sent()
    try server.bench.drain()
    #expect(try server.sent().map(\.header.type) == [.goAway])
    #expect(!server.bench.wire.isClosed)
    server.receive(.window(.slot(0), 1_000_000))
    #expect(try server.sent().last == .ok())
    #expect(server.bench.wire.isClosed)
  }
}
