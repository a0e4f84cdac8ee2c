import Contracts
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// The frames of every kind of stream, as a client writes and reads them.
@Suite("Client streams, frame by frame")
struct ClientStreamTests {
  typealias Service = FramedrpcV1.StreamTestService

  @Test("server streaming: one REQUEST with all; DATA until RESPONSE")
  func serverStreaming() throws {
    let client = try StreamClient()
    let call = try client.open(Service.download.fullName, request: ByteBuffer(string: "hi"))
    #expect(
      try client.sent() == [
        Frame(
          .request, flags: [.message, .end], stream: .slot(0), body: ByteBuffer(string: "hi"))
      ])
    // Its END has left with the request: another would end the connection.
    call.finishWriting()
    #expect(
      client.write(call, ByteBuffer(string: "more")).error?.status == .failedPrecondition)
    client.receive(.data("one"), .data(""), .ok())
    #expect(client.read(call).value == ByteBuffer(string: "one"))
    #expect(client.read(call).value == ByteBuffer())
    #expect(client.read(call).value == .some(nil))
    #expect(client.read(call).value == .some(nil), "the end stays the end")
    #expect(try client.sent() == [])
  }

  @Test("client streaming: REQUEST without END, DATA, END alone")
  func clientStreaming() throws {
    let client = try StreamClient()
    var metadata = RPCMetadata()
    try metadata.append("a", "b")
    let call = try client.open(Service.upload.fullName, metadata: metadata)
    _ = client.write(call, ByteBuffer(string: "one"))
    _ = client.write(call, ByteBuffer())
    call.finishWriting()
    var body = ByteBuffer()
    metadata.write(into: &body)
    #expect(
      try client.sent() == [
        Frame(.request, flags: .metadata, code: 1, stream: .slot(0), body: body), .data("one"),
        .data(""), .end(),
      ])
    let answer = Pending(on: client.bench.loop) { try await call.onlyAnswer() }
    client.receive(
      Frame(.response, flags: [.message, .end], stream: .slot(0), body: ByteBuffer(string: "4")))
    #expect(answer.value == ByteBuffer(string: "4"))
  }

  @Test("bidirectional: writing and reading do not wait for each other")
  func bidirectional() throws {
    let client = try StreamClient()
    let call = try client.open()
    #expect(try client.sent() == [Frame(.request, code: 2, stream: .slot(0))])
    client.receive(.data("first"))
    _ = client.write(call, ByteBuffer(string: "mine"))
    #expect(try client.sent() == [.data("mine")])
    #expect(client.read(call).value == ByteBuffer(string: "first"))
    let reading = client.read(call)
    call.finishWriting()
    #expect(try client.sent() == [.end()])
    client.receive(.data("after your end"))
    #expect(reading.value == ByteBuffer(string: "after your end"))
    client.receive(.ok())
    #expect(client.read(call).value == .some(nil))
  }

  @Test("metadata of the beginning and of the end")
  func metadata() throws {
    let client = try StreamClient()
    let call = try client.open()
    #expect(call.initialMetadata == nil)
    var body = ByteBuffer()
    var metadata = RPCMetadata()
    try metadata.append("k", "1")
    try metadata.append("k", "2")
    metadata.write(into: &body)
    client.receive(
      Frame(.data, flags: .metadata, stream: .slot(0), body: body),
      Frame(.response, flags: [.metadata, .end], stream: .slot(0), body: body))
    #expect(call.initialMetadata == metadata)
    #expect(call.trailingMetadata == metadata)
  }

  @Test("an answer in DATA or in RESPONSE is the same to a unary call")
  func unaryAnswers() throws {
    for isInData in [true, false] {
      let client = try StreamClient()
      let call = client.bench.call("hi")
      let stream = try #require(try client.sent().first?.header.stream)
      if isInData {
        client.receive(
          .firstChunk(total: 3, bytes: 1, stream: stream), .data(bytes: 2, stream: stream),
          .ok(stream))
        #expect(call.message == ByteBuffer(repeating: 7, count: 3))
      } else {
        client.receive(ClientBench.answer(stream, body: ByteBuffer(string: "x")))
        #expect(call.message == ByteBuffer(string: "x"))
      }
    }
  }

  @Test("no answer and two answers where one is due are INTERNAL", arguments: [0, 2])
  func wrongNumberOfAnswers(_ count: Int) throws {
    let client = try StreamClient()
    let call = client.bench.call("hi")
    let stream = try #require(try client.sent().first?.header.stream)
    for _ in 0..<count {
      client.receive(.data("x", stream: stream))
    }
    client.receive(.ok(stream))
    #expect(call.error?.status == .internal)
  }

  @Test("a unary request of up to 128 KiB leaves in one frame, if the server takes that")
  func wholeRequest() throws {
    for (limit, bytes, isWhole) in [
      (1024 * 1024, 131_072, true), (1024 * 1024, 131_073, false), (100_000, 100_000, true),
      (100_000, 100_001, false), (65_536, 65_537, false),
    ] {
      var settings = StreamClient.settings
      settings.maxFrameBytes = limit
      let client = try StreamClient(settings: settings)
      // The message has four bytes more than its text.
      let text = String(repeating: "x", count: bytes - 4)
      let call = client.bench.call(text)
      let sent = try client.sent()
      #expect(sent.first?.header.flags == (isWhole ? [.message, .end] : []))
      #expect(sent.count == 1 || !isWhole)
      if isWhole {
        #expect(sent.first?.body == (try FramedrpcV1.EchoRequest(text: text).encoded()))
        #expect(sent.first?.body.readableBytes == bytes)
      }
      client.receive(ClientBench.answer(.slot(0), body: ByteBuffer(string: "x")))
      #expect(call.message == ByteBuffer(string: "x"))
    }
  }

  @Test("a unary request over 128 KiB leaves in chunks")
  func largeRequest() throws {
    let client = try StreamClient()
    let call = client.bench.call(String(repeating: "x", count: 140_000))
    let sent = try client.sent()
    #expect(sent.map(\.header.type) == [.request, .data, .data, .data, .data])
    #expect(
      sent.map(\.header.flags)
        == [[], [.message, .more], [.message, .more], .message, .end])
    #expect(sent[1].body.readableBytes == 65_536)
    client.receive(ClientBench.answer(.slot(0), body: ByteBuffer(string: "x")))
    #expect(call.message == ByteBuffer(string: "x"))
  }

  @Test("a server without streams gets one frame, and no stream")
  func withoutStreaming() throws {
    var settings = StreamClient.settings
    settings.streaming = nil
    let client = try StreamClient(settings: settings)
    _ = client.bench.call(String(repeating: "x", count: 70_000))
    #expect(try client.sent().map(\.header.flags) == [[.message, .end]])
    let error = #expect(throws: RPCError.self) { _ = try client.open() }
    #expect(error?.status == .unimplemented)
    client.receive(.data("x"))
    #expect(try client.refusal() == .unexpectedFrame)
  }

  // MARK: ends

  @Test("messages before an error are read before it")
  func errorAfterMessages() throws {
    let client = try StreamClient()
    let call = try client.open()
    client.receive(
      .data("one"), .data("two"),
      Frame(
        .response, flags: [.message, .end], code: 5, stream: .slot(0),
        body: ByteBuffer(string: "no more")))
    #expect(client.write(call, ByteBuffer()).error?.status == .notFound)
    #expect(client.read(call).value == ByteBuffer(string: "one"))
    #expect(client.read(call).value == ByteBuffer(string: "two"))
    #expect(client.read(call).error?.message == "no more")
  }

  @Test("messages that were not read go with a connection that is lost")
  func lostConnection() throws {
    let client = try StreamClient()
    let call = try client.open()
    client.receive(.data("one"))
    client.bench.connection.wireClosed("gone")
    #expect(client.read(call).error?.status == .unavailable)
  }

  @Test("close keeps what is unread only when told so")
  func keepsUnread() throws {
    for keepsUnread in [true, false] {
      let client = try StreamClient()
      let messages = MessageStream(
        connection: client.bench.connection, peer: StreamServer.clientLimits, countsQueue: false)
      messages.deliver(ByteBuffer(string: "one"))
      messages.close(
        RPCError(.aborted, "over"), lane: client.bench.connection.lane, keepsUnread: keepsUnread)
      let first = Pending(on: client.bench.loop) { try await messages.next() }
      #expect((first.value == ByteBuffer(string: "one")) == keepsUnread)
      let last = Pending(on: client.bench.loop) { try await messages.next() }
      #expect(last.error?.status == .aborted)
    }
  }

  @Test("cancel sends RESET, and later frames are dropped")
  func cancel() throws {
    let client = try StreamClient()
    let call = try client.open()
    let reading = client.read(call)
    _ = try client.sent()
    call.cancel()
    #expect(try client.sent() == [Frame(.reset, code: 1, stream: .slot(0))])
    #expect(reading.error?.status == .cancelled)
    client.receive(.data("late"), .ok())
    #expect(client.read(call).error?.status == .cancelled)
    #expect(!client.bench.wire.isClosed)
  }

  @Test("a reading task that is cancelled gives its call up")
  func cancelledReader() throws {
    let client = try StreamClient()
    let call = try client.open()
    let reading = client.read(call)
    _ = try client.sent()
    reading.task?.cancel()
    #expect(try client.sent() == [Frame(.reset, code: 1, stream: .slot(0))])
    #expect(reading.error?.status == .cancelled)
  }

  @Test("the deadline sends RESET with DEADLINE_EXCEEDED")
  func deadline() throws {
    let client = try StreamClient()
    let call = try client.open(timeout: .seconds(1))
    let reading = client.read(call)
    #expect(try client.sent().map(\.header.aux) == [1_000_000])
    client.bench.advance(by: .seconds(1))
    #expect(try client.sent() == [Frame(.reset, code: 4, stream: .slot(0))])
    #expect(reading.error?.status == .deadlineExceeded)
  }

  @Test("a deadline that has passed is not sent")
  func deadlinePassed() throws {
    let client = try StreamClient()
    let call = try client.open(timeout: .zero)
    #expect(try client.sent() == [])
    let error = client.read(call).error
    #expect(error?.status == .deadlineExceeded)
    #expect(error?.notProcessed == true)
  }

  @Test("an answer over the limit gives its call up")
  func tooLarge() throws {
    let client = try StreamClient(limits: RPCLimits(maxMessageBytes: 70_000))
    let call = try client.open()
    _ = try client.sent()
    client.receive(.firstChunk(total: 70_001, bytes: 1))
    #expect(try client.sent() == [Frame(.reset, code: 8, stream: .slot(0))])
    #expect(client.read(call).error?.status == .resourceExhausted)
  }

  @Test("RESET from a server fails its call")
  func resetByServer() throws {
    let client = try StreamClient()
    let call = try client.open()
    client.receive(
      Frame(.reset, code: 10 | 0x100, stream: .slot(0), body: ByteBuffer(string: "why")))
    let error = client.read(call).error
    #expect(error?.status == .aborted)
    #expect(error?.message == "why")
    #expect(error?.notProcessed == true)
  }

  // MARK: what a server may not do

  struct Offence: CustomTestStringConvertible {
    let testDescription: String
    let frames: [Frame]
    let reason: GoAwayReason
  }

  static let offences = [
    Offence(testDescription: "END in DATA", frames: [.end()], reason: .malformedFrame),
    Offence(
      testDescription: "OK within a message", frames: [.firstChunk(total: 9, bytes: 1), .ok()],
      reason: .malformedFrame),
    Offence(
      testDescription: "metadata twice",
      frames: [
        Frame(.data, flags: .metadata, stream: .slot(0), body: ByteBuffer(bytes: [0, 0, 0, 0])),
        Frame(.data, flags: .metadata, stream: .slot(0), body: ByteBuffer(bytes: [0, 0, 0, 0])),
      ], reason: .malformedFrame),
    Offence(
      testDescription: "something after metadata",
      frames: [
        Frame(.data, flags: .metadata, stream: .slot(0), body: ByteBuffer(bytes: [0, 0, 0, 0, 1]))
      ], reason: .malformedFrame),
    Offence(
      testDescription: "a total that lies",
      frames: [.firstChunk(total: 9, bytes: 1), .data(bytes: 7)], reason: .malformedFrame),
    Offence(
      testDescription: "RESPONSE without END",
      frames: [Frame(.response, flags: .message, stream: .slot(0))], reason: .malformedFrame),
    Offence(
      testDescription: "REQUEST", frames: [Frame(.request, stream: .slot(0))],
      reason: .unexpectedFrame),
    Offence(
      testDescription: "more than the stream allows",
      frames: Array(repeating: .data(bytes: 65_536), count: 4), reason: .flowControl),
  ]

  @Test("what a server may not send ends the connection and its calls", arguments: Self.offences)
  func refuses(_ offence: Offence) throws {
    let client = try StreamClient()
    let call = try client.open()
    for frame in offence.frames {
      client.bench.receive(frame)
    }
    #expect(try client.refusal() == offence.reason)
    #expect(client.bench.wire.isClosed)
    var reading = client.read(call)
    while reading.value != nil, reading.value != .some(nil) {
      reading = client.read(call)
    }
    #expect(reading.error != nil)
  }

  @Test("an error within a message drops its beginning")
  func errorWithinMessage() throws {
    let client = try StreamClient()
    let call = try client.open()
    client.receive(
      .firstChunk(total: 9, bytes: 1), Frame(.response, flags: .end, code: 10, stream: .slot(0)))
    #expect(client.read(call).error?.status == .aborted)
    #expect(try client.refusal() == nil)
  }

  // MARK: going away

  @Test("GOAWAY race: streams it does not count had no effect, the others go on")
  func goAway() throws {
    let client = try StreamClient()
    let one = try client.open()
    let two = try client.open()
    _ = client.write(two, ByteBuffer(string: "x"))
    _ = try client.sent()
    client.bench.receive(GoAway(acceptedCalls: 1, reason: .shutdown, message: "bye"))
    let error = client.read(two).error
    #expect(error?.status == .unavailable)
    #expect(error?.notProcessed == true)
    _ = client.write(one, ByteBuffer(string: "on"))
    #expect(try client.sent() == [.data("on")])
    client.receive(.data("ward"), .ok())
    #expect(client.read(one).value == ByteBuffer(string: "ward"))
    #expect(client.bench.wire.isClosed)
  }

  @Test("DRAIN: no new calls here, those that run end in peace")
  func drain() throws {
    let client = try StreamClient()
    let call = try client.open()
    client.receive(Frame(.drain), Frame(.ping, body: ByteBuffer(bytes: 1...8)))
    #expect(client.bench.owner.retired?.notProcessed == true)
    #expect(try client.bench.sent().last == Frame(.pong, body: ByteBuffer(bytes: 1...8)))
    let late = try client.open()
    #expect(client.read(late).error?.notProcessed == true)
    client.receive(.data("x"), .ok())
    #expect(client.read(call).value == ByteBuffer(string: "x"))
    #expect(client.bench.wire.isClosed)
  }

  @Test("a slot that is used again after 4,096 times is told apart from late DATA")
  func generations() throws {
    let client = try StreamClient()
    for use in 0..<5_000 {
      let stream = StreamID.slot(0, UInt32(use % 4096))
      let call = try client.open()
      // Of the call before, and of the one that comes 4,095 calls later.
      let before = StreamID.slot(0, UInt32((use + 4095) % 4096))
      client.receive(.data("late", stream: before), .ok(before), .data("mine", stream: stream))
      #expect(client.read(call).value == ByteBuffer(string: "mine"))
      client.receive(.ok(stream))
      #expect(client.read(call).value == .some(nil))
    }
    let requests = try client.sent().filter { $0.header.type == .request }
    #expect(requests.map(\.header.stream) == (0..<5_000).map { .slot(0, UInt32($0 % 4096)) })
  }
}
