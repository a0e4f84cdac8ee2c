import Contracts
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FramedRPC

/// Whole conversations, cut and damaged in every place.
@Suite("Stream conversations, cut and damaged")
struct StreamBytesTests {
  /// What a client sends: two streams at once, chunks, an end, a reset, WINDOWs.
  static let requests: [Frame] = [
    Frame(.request, code: StreamServer.chat, stream: .slot(0)),
    Frame(.request, flags: .message, code: StreamServer.upload, stream: .slot(1)),
    .firstChunk(total: 9, bytes: 3), .data("other", stream: .slot(1)),
    .data(bytes: 5, [.message, .more]), .window(.slot(0), 1 << 20), .data(bytes: 1),
    .window(nil, 1 << 23), .data("", [.message, .end]),
    Frame(.reset, code: 1, stream: .slot(1)), Frame(.ping, body: ByteBuffer(bytes: 1...8)),
  ]

  /// What a server sends.
  static let answers: [Frame] = [
    Frame(.data, flags: .metadata, stream: .slot(0), body: ByteBuffer(bytes: [0, 0, 0, 0])),
    .firstChunk(total: 9, bytes: 3), .data("other", stream: .slot(1)),
    .data(bytes: 5, [.message, .more]), .window(.slot(1), 1 << 20), .data(bytes: 1),
    .window(nil, 1 << 23), Frame(.response, flags: .end, code: 10, stream: .slot(1)), .ok(),
  ]

  static func bytes(_ frames: [Frame]) -> [UInt8] {
    frames.flatMap(\.bytes.array)
  }

  /// What a server makes of it: messages read, frames sent.
  static func converse(_ parts: [ArraySlice<UInt8>]) throws -> ([ByteBuffer?], [Frame]) {
    let server = try StreamServer()
    for part in parts {
      server.bench.receive(ByteBuffer(bytes: part))
    }
    let call = try #require(server.held.calls.first)
    let read = (0..<3).map { _ in server.read(call).value ?? nil }
    server.held.end(0)
    return (read, try server.sent())
  }

  @Test("server: a split at every byte of a conversation changes nothing")
  func splitRequests() throws {
    let bytes = Self.bytes(Self.requests)
    let (read, sent) = try Self.converse([bytes[...]])
    #expect(read == [ByteBuffer(repeating: 7, count: 9), ByteBuffer(), nil])
    #expect(sent == [Frame(.pong, body: ByteBuffer(bytes: 1...8)), .ok()])
    for split in 1..<bytes.count {
      let (readAgain, sentAgain) = try Self.converse([bytes[..<split], bytes[split...]])
      #expect(readAgain == read)
      #expect(sentAgain == sent)
    }
    let (readAgain, sentAgain) = try Self.converse(bytes.indices.map { bytes[$0...$0] })
    #expect(readAgain == read)
    #expect(sentAgain == sent)
  }

  @Test("client: a split at every byte of a conversation changes nothing")
  func splitAnswers() throws {
    let bytes = Self.bytes(Self.answers)
    for split in 0..<bytes.count {
      let client = try StreamClient()
      let one = try client.open()
      let two = try client.open()
      client.bench.receive(ByteBuffer(bytes: bytes[..<split]))
      client.bench.receive(ByteBuffer(bytes: bytes[split...]))
      #expect(client.read(one).value == ByteBuffer(repeating: 7, count: 9))
      #expect(client.read(one).value == .some(nil))
      #expect(client.read(two).value == ByteBuffer(string: "other"))
      #expect(client.read(two).error?.status == .aborted)
      #expect(one.initialMetadata == RPCMetadata())
    }
  }

  @Test("server: every bit of every header may be flipped; it serves, or refuses and says why")
  func flippedRequests() throws {
    for frame in Self.requests.indices {
      for bit in 0..<FrameHeader.byteCount * 8 {
        let server = try StreamServer(limits: RPCLimits(frameTimeout: .seconds(10)))
        for (number, original) in Self.requests.enumerated() {
          var bytes = original.bytes.array
          if number == frame { bytes[bit / 8] ^= 1 << (bit % 8) }
          server.bench.receive(ByteBuffer(bytes: bytes))
        }
        // A length that is too large waits for bytes; the time for a frame ends that.
        server.bench.advance(by: .seconds(10))
        let sent = try server.sent()
        if server.bench.wire.isClosed {
          let last = try #require(sent.last)
          #expect(last.header.type == .goAway)
          #expect(try GoAway(from: last.body).reason != .shutdown)
        }
        for call in server.held.calls.indices {
          server.held.end(call)
        }
        server.bench.connection.abandon()
        server.bench.loop.run()
        for call in server.held.calls {
          #expect(call.isOverOnBothSides)
        }
      }
    }
  }

  @Test("client: every bit of every header may be flipped; each call ends when its connection does")
  func flippedAnswers() throws {
    for frame in Self.answers.indices {
      for bit in 0..<FrameHeader.byteCount * 8 {
        let client = try StreamClient()
        let calls = [try client.open(), try client.open()]
        for (number, original) in Self.answers.enumerated() {
          var bytes = original.bytes.array
          if number == frame { bytes[bit / 8] ^= 1 << (bit % 8) }
          client.bench.receive(ByteBuffer(bytes: bytes))
        }
        client.bench.advance(by: .seconds(10))
        client.bench.connection.wireClosed("the test is over")
        client.bench.loop.run()
        for call in calls {
          #expect(call.isOverOnBothSides)
          var reading = client.read(call)
          for _ in 0..<4 where reading.error == nil && reading.value != .some(nil) {
            reading = client.read(call)
          }
          #expect(reading.isOver)
        }
      }
    }
  }

  @Test("random DATA, WINDOW and RESET never do worse than end the connection")
  func random() throws {
    var random = SplitMix(state: 17)
    for _ in 0..<300 {
      let server = try StreamServer()
      for slot in 0..<3 {
        _ = try server.open(.slot(slot))
      }
      for _ in 0..<30 {
        let flags: [FrameFlags] = [
          .message, .end, [.message, .more], [.message, .end], .metadata, [],
        ]
        server.bench.receive(
          Frame(
            [.data, .data, .data, .window, .reset].randomElement(using: &random) ?? .data,
            flags: Bool.random(using: &random)
              ? .message : flags.randomElement(using: &random) ?? [],
            stream: .slot(Int.random(in: 0..<4, using: &random)),
            body: ByteBuffer(
              bytes: (0..<Int.random(in: 0...12, using: &random)).map { _ in
                UInt8.random(in: 0...3, using: &random)
              })))
      }
      server.bench.connection.abandon()
      server.bench.loop.run()
      #expect(server.held.calls.allSatisfy { $0.isOverOnBothSides })
      #expect(server.bench.connection.lane.reservedBytes == 0)
      #expect(server.bench.connection.lane.unreadBytes == 0)
    }
  }
}

extension RPCByteStream {
  /// Whether nobody can wait for this call any more.
  fileprivate var isOverOnBothSides: Bool {
    let isOver = Atomic(false)
    self.whenOver { _ in isOver.store(true, ordering: .relaxed) }
    return isOver.load(ordering: .relaxed)
  }
}
