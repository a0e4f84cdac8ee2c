import Contracts
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// Whose turn it is to send, and what never waits.
@Suite("Turns of streams")
struct DataLaneTests {
  static let wide = StreamingLimits(
    streamWindow: 64 * 1024 * 1024, connectionWindow: 64 * 1024 * 1024,
    maxMessageBytes: 16 * 1024 * 1024)
  static let patient = RPCLimits(maxStreamQueuedBytes: 64 * 1024 * 1024)

  @Test("a small message goes between the chunks of a large one: bounded bytes before it")
  func smallBesideLarge() throws {
    let server = try StreamServer(limits: Self.patient, client: Self.wide)
    let large = try server.open(.slot(0))
    _ = server.write(large, ByteBuffer(repeating: 0, count: 4 * 1024 * 1024))
    let small = try server.open(.slot(1))
    _ = server.write(small, ByteBuffer(string: "small"))
    var sent: [Frame] = []
    while sent.count < 66 {
      let frames = try server.sent()
      try #require(!frames.isEmpty)
      sent += frames
      server.bench.wire.drain()
    }
    let place = try #require(sent.firstIndex { $0.header.stream == .slot(1) })
    let before = sent[..<place].reduce(0) { $0 + $1.cost }
    // What had left before it was written, and one turn of the other.
    #expect(before <= DataLane.backlogBytes + 2 * DataLane.turnBytes + 2 * DataLane.chunkBytes)
  }

  @Test("streams take turns of 64 KiB")
  func turns() throws {
    let server = try StreamServer(limits: Self.patient, client: Self.wide)
    // Full, so that nothing leaves before all have something to send.
    server.bench.wire.queuedBytes = DataLane.backlogBytes
    for slot in 0..<3 {
      let call = try server.open(.slot(slot))
      for _ in 0..<20 {
        _ = server.write(call, ByteBuffer(repeating: 0, count: 30_000))
      }
    }
    #expect(try server.sent() == [])
    server.bench.wire.queuedBytes = 0
    server.bench.wire.drain()
    let slots = try server.sent().map(\.header.stream.slot)
    #expect(slots == [0, 0, 0, 1, 1, 1, 2, 2, 2])
  }

  @Test("DATA leaves while little waits below, then when that has left")
  func backlog() throws {
    let server = try StreamServer(limits: Self.patient, client: Self.wide)
    let call = try server.open()
    _ = server.write(call, ByteBuffer(repeating: 0, count: 4 * 1024 * 1024))
    let first = try server.sent().reduce(0) { $0 + $1.cost }
    #expect(first >= DataLane.backlogBytes)
    #expect(first <= DataLane.backlogBytes + 2 * DataLane.turnBytes)
    #expect(try server.sent() == [], "the wire has not said that they have left")
    server.bench.wire.drain()
    #expect(try !server.sent().isEmpty)
  }

  @Test("PONG, RESET, answers and WINDOW pass DATA that waits")
  func controlFrames() throws {
    let server = try StreamServer(limits: Self.patient, client: Self.wide)
    let call = try server.open(.slot(0))
    server.bench.wire.queuedBytes = DataLane.backlogBytes
    _ = server.write(call, ByteBuffer(repeating: 0, count: 4 * 1024 * 1024))
    server.receive(
      Frame(.ping, body: ByteBuffer(bytes: 1...8)),
      Frame(.request, flags: [.message, .end], code: 99, stream: .slot(1)),
      .data(bytes: 65_536), .data(bytes: 65_536))
    _ = server.read(call)
    _ = server.read(call)
    #expect(try server.sent().map(\.header.type) == [.pong, .response, .window])
    server.bench.wire.queuedBytes = 0
    server.bench.wire.drain()
    #expect(try server.sent().map(\.header.type).first == .data)
  }

  @Test("a stream that waits for its own credit holds up nobody")
  func blockedStream() throws {
    let server = try StreamServer()
    let one = try server.open(.slot(0))
    let two = try server.open(.slot(1))
    while server.write(one, ByteBuffer(repeating: 0, count: 60_000)).isOver {}
    _ = try server.sent()
    _ = server.write(two, ByteBuffer(string: "free"))
    #expect(try server.sent() == [.data("free", stream: .slot(1))])
  }

  @Test("what a call that ends had queued is forgotten, and its neighbours go on")
  func closedInTheRow() throws {
    let server = try StreamServer(limits: Self.patient, client: Self.wide)
    let one = try server.open(.slot(0))
    let two = try server.open(.slot(1))
    server.bench.wire.queuedBytes = DataLane.backlogBytes
    _ = server.write(one, ByteBuffer(repeating: 0, count: 1_000_000))
    _ = server.write(two, ByteBuffer(string: "free"))
    _ = try server.sent()
    server.receive(Frame(.reset, code: 1, stream: .slot(0)))
    server.bench.wire.queuedBytes = 0
    server.bench.wire.drain()
    #expect(try server.sent() == [.data("free", stream: .slot(1))])
    #expect(server.bench.connection.queuedBytes == 0)
  }

  @Test(
    "the only answer of a call that waits for credit is counted: calls are refused above the bound")
  func queuedBytes() throws {
    let server = try StreamServer(
      limits: RPCLimits(maxStreamQueuedBytes: 64 * 1024 * 1024, maxQueuedBytes: 1_000_000))
    let many = try server.open(.slot(2))
    _ = server.write(many, ByteBuffer(repeating: 0, count: 2_000_000))
    _ = try server.sent()
    #expect(server.bench.connection.queuedBytes == 0, "a stream has a bound of its own")
    server.receive(Frame(.request, code: StreamServer.upload, stream: .slot(0)))
    let call = try #require(server.held.calls.last)
    _ = server.write(call, ByteBuffer(repeating: 0, count: 2_000_000))
    _ = try server.sent()
    #expect(server.bench.connection.queuedBytes > 1_000_000)
    server.receive(Frame(.request, code: StreamServer.chat, stream: .slot(1)))
    let refused = try #require(try server.sent().last)
    #expect(refused.status == .resourceExhausted)
    #expect(refused.isNotProcessed)
    server.receive(Frame(.reset, code: 1, stream: .slot(0)))
    #expect(server.bench.connection.queuedBytes == 0)
    _ = try server.open(.slot(1))
  }
}
