import Contracts
import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

/// Who may send how much, and when the other end is told.
@Suite("Credit")
struct CreditTests {
  static let window = 256 * 1024
  static let start = NIODeadline.uptimeNanoseconds(0)

  // MARK: the window alone

  @Test("more is allowed at half a window, not before")
  func half() {
    var window = ReceiveWindow(window: Self.window, maxWindow: Self.window, now: Self.start)
    #expect(window.receive(Self.window / 2 - 1) == true)
    #expect(window.grant(unread: 0, now: Self.start, roundTrip: nil) == nil)
    #expect(window.receive(1) == true)
    #expect(
      window.grant(unread: 0, now: Self.start, roundTrip: nil) == UInt64(Self.window * 3 / 2))
    #expect(window.grant(unread: 0, now: Self.start, roundTrip: nil) == nil, "once")
  }

  @Test("what nobody has read is not allowed again")
  func unread() {
    var window = ReceiveWindow(window: Self.window, maxWindow: Self.window, now: Self.start)
    #expect(window.receive(Self.window) == true)
    #expect(window.grant(unread: Self.window, now: Self.start, roundTrip: nil) == nil)
    #expect(
      window.grant(unread: Self.window / 2, now: Self.start, roundTrip: nil)
        == UInt64(Self.window * 3 / 2))
    #expect(window.receive(Self.window) == false)
  }

  @Test("a byte over the limit is too much")
  func overrun() {
    var window = ReceiveWindow(window: Self.window, maxWindow: Self.window, now: Self.start)
    #expect(window.receive(Self.window) == true)
    #expect(window.receive(1) == false)
  }

  @Test("a window used up within two round trips doubles, up to its limit")
  func doubles() {
    var window = ReceiveWindow(window: Self.window, maxWindow: 3 * Self.window, now: Self.start)
    var now = Self.start
    var received = 0
    for expected in [2 * Self.window, 3 * Self.window, 3 * Self.window] {
      received += window.window
      #expect(window.receive(window.window) == true)
      now = now + .milliseconds(19)
      #expect(
        window.grant(unread: 0, now: now, roundTrip: .milliseconds(10))
          == UInt64(received + expected))
      #expect(window.window == expected)
    }
  }

  @Test(
    "it stays when it lasts longer, the round trip is not known, or the reader is slow",
    arguments: [(20, 10, 0), (1, nil, 0), (1, 10, Self.window / 2 + 1)] as [(Int64, Int64?, Int)])
  func doesNotDouble(_ elapsed: Int64, _ roundTrip: Int64?, _ unread: Int) {
    var window = ReceiveWindow(window: Self.window, maxWindow: 3 * Self.window, now: Self.start)
    #expect(window.receive(Self.window) == true)
    _ = window.grant(
      unread: unread, now: Self.start + .milliseconds(elapsed),
      roundTrip: roundTrip.map { .milliseconds($0) })
    #expect(window.window == Self.window)
  }

  @Test("a whole chunk may always be sent when all was read, whatever was sent before it")
  func noStarvation() {
    let smallest = StreamingLimits.minStreamWindow
    let chunk = MessageStream.cost(DataLane.chunkBytes)
    // What a reader that has caught up may not have told yet.
    let untold = smallest / 32
    for first in stride(from: 16, through: smallest - untold, by: 7) {
      var window = ReceiveWindow(window: smallest, maxWindow: smallest, now: Self.start)
      var limit = UInt64(smallest)
      for (bytes, unread) in [(first, 0), (untold, untold)] {
        #expect(window.receive(bytes) == true)
        limit = window.grant(unread: unread, now: Self.start, roundTrip: nil) ?? limit
      }
      #expect(limit >= UInt64(first + untold + chunk), "after \(first) bytes")
    }
  }

  // MARK: on the wire

  @Test("WINDOW is sent when half a window was read, not when it came")
  func readingGrants() throws {
    let server = try StreamServer()
    let call = try server.open()
    for _ in 0..<5 {
      server.receive(.data(bytes: 50_000))
    }
    #expect(try server.sent() == [])
    for _ in 0..<5 {
      #expect(server.read(call).value != nil)
    }
    let windows = try server.sent()
    #expect(windows.allSatisfy { $0.header.stream == .slot(0) && $0.header.aux == 0 })
    let last = try #require(windows.last?.limit)
    #expect(last <= UInt64(5 * 50_016 + Self.window))
    #expect(last >= UInt64(Self.window + Self.window / 2))
    #expect(windows.count <= 2)
  }

  @Test("a message much larger than the windows passes, and only as they allow")
  func largeThroughSmall() throws {
    let server = try StreamServer(
      limits: RPCLimits(
        streamWindowBytes: 0, maxStreamWindowBytes: 0, connectionWindowBytes: 0))
    let call = try server.open()
    let reading = server.read(call)
    var credit = SendWindow(limit: StreamingLimits.minStreamWindow)
    var rest = 4 * 1024 * 1024
    var prefix = 4
    var frame = Frame.firstChunk(total: UInt32(rest), bytes: DataLane.chunkBytes - 4)
    while rest > 0 {
      if credit.mayNotSend(frame.cost) {
        let limit = try server.sent().filter { $0.header.aux == 0 }.compactMap(\.limit).max()
        credit.raise(to: try #require(limit))
      }
      try #require(!credit.mayNotSend(frame.cost))
      credit.send(frame.cost)
      server.receive(frame)
      rest -= frame.body.readableBytes - exchange(&prefix, with: 0)
      let bytes = min(rest, DataLane.chunkBytes)
      frame = .data(bytes: bytes, bytes == rest ? .message : [.message, .more])
    }
    #expect(reading.value??.readableBytes == 4 * 1024 * 1024)
  }

  @Test("a server sends up to the client's limit, and goes on with WINDOW")
  func sendingStops() throws {
    let server = try StreamServer()
    let call = try server.open()
    for _ in 0..<6 {
      _ = server.write(call, ByteBuffer(repeating: 0, count: 60_000))
    }
    #expect(try server.sent().count == 4)
    // A limit as it was, a lower one, and none at all change nothing.
    for limit in [0, 1, UInt64(Self.window), UInt64(Self.window)] {
      server.receive(.window(.slot(0), limit))
    }
    #expect(try server.sent() == [])
    // The updates between were lost: the last one counts.
    server.receive(.window(.slot(0), 6 * 60_016))
    #expect(try server.sent().count == 2)
  }

  @Test("the window of the connection holds for all its streams, and for nothing else")
  func connectionWindow() throws {
    let server = try StreamServer(
      limits: RPCLimits(maxStreamQueuedBytes: 10_000_000),
      client: StreamingLimits(
        streamWindow: 10_000_000, connectionWindow: 0, maxMessageBytes: 4_000_000))
    let one = try server.open(.slot(0))
    let two = try server.open(.slot(1))
    for _ in 0..<20 {
      _ = server.write(one, ByteBuffer(repeating: 0, count: 60_000))
      _ = server.write(two, ByteBuffer(repeating: 0, count: 60_000))
    }
    var cost = 0
    for _ in 0..<20 {
      cost += try server.sent().reduce(0) { $0 + $1.cost }
      server.bench.wire.drain()
    }
    #expect(cost <= StreamingLimits.minConnectionWindow)
    #expect(cost > StreamingLimits.minConnectionWindow - 60_016)
    server.receive(Frame(.ping, body: ByteBuffer(bytes: 1...8)))
    #expect(try server.sent().map(\.header.type) == [.pong])
    // An answer without a message is free, but not before the messages of its own stream.
    _ = try server.open(.slot(2))
    server.held.end(2)
    #expect(try server.sent() == [.ok(.slot(2))])
    server.receive(.window(nil, 40 * 60_016))
    for _ in 0..<20 {
      cost += try server.sent().reduce(0) { $0 + $1.cost }
      server.bench.wire.drain()
    }
    #expect(cost == 40 * 60_016)
  }

  @Test("unread messages over the bound stop the credit of the connection, until they are read")
  func buffered() throws {
    let server = try StreamServer(
      limits: RPCLimits(connectionWindowBytes: 1024 * 1024, maxBufferedBytes: 400_000))
    let calls = try (0..<4).map { try server.open(.slot($0)) }
    for _ in 0..<4 {
      for slot in 0..<4 {
        server.receive(.data(bytes: 50_000, stream: .slot(slot)))
      }
    }
    // 800,256 bytes have come and wait: more than half of the window, and nothing is granted.
    #expect(try server.sent().filter { $0.header.aux == 1 } == [])
    for call in calls[...2] {
      for _ in 0..<4 {
        #expect(server.read(call).value != nil)
      }
    }
    let granted = try #require(try server.sent().last { $0.header.aux == 1 }?.limit)
    #expect(granted == UInt64(16 * 50_016 + 1024 * 1024))
  }

  @Test("DATA of calls that are over is counted and allowed again")
  func lateData() throws {
    let server = try StreamServer()
    for _ in 0..<40 {
      server.receive(.data(bytes: 65_536, stream: .slot(9)))
    }
    let limits = try server.sent().compactMap(\.limit)
    #expect(limits.count == 1)
    #expect(limits[0] > UInt64(4 * 1024 * 1024))
  }

  @Test("more than a stream or the connection allows ends the connection")
  func overrunOnTheWire() throws {
    let stream = try StreamServer()
    _ = try stream.open()
    for _ in 0..<4 {
      stream.receive(.data(bytes: 65_536))
    }
    #expect(try stream.bench.refusal()?.reason == .flowControl)
    #expect(stream.held.cancelled == [0])

    let connection = try StreamServer(limits: RPCLimits(maxBufferedBytes: 0))
    for slot in 0..<30 where !connection.bench.wire.isClosed {
      _ = try connection.open(.slot(slot))
      for _ in 0..<3 {
        connection.receive(.data(bytes: 65_536, stream: .slot(slot)))
      }
    }
    #expect(try connection.bench.refusal()?.reason == .flowControl)
  }

  @Test("empty messages cost their header; ends and metadata are free")
  func emptyMessages() throws {
    let server = try StreamServer()
    _ = try server.open()
    for _ in 0..<Self.window / 16 {
      server.receive(.data(bytes: 0))
    }
    server.receive(.end())
    #expect(!server.bench.wire.isClosed)
    _ = try server.open(.slot(1))
    for _ in 0...Self.window / 16 {
      server.receive(.data(bytes: 0, stream: .slot(1)))
    }
    #expect(try server.bench.refusal()?.reason == .flowControl)
  }

  @Test("a writer waits at its limit and wakes when bytes have left")
  func writerWaits() throws {
    let server = try StreamServer(limits: RPCLimits(maxStreamQueuedBytes: 100_000))
    let call = try server.open()
    while server.write(call, ByteBuffer(repeating: 0, count: 10_000)).isOver {}
    let waiting = server.write(call, ByteBuffer(string: "I wait"))
    #expect(!waiting.isOver)
    _ = try server.sent()
    server.receive(.window(.slot(0), UInt64(Self.window + 10_016)))
    #expect(waiting.isOver == false, "still full")
    server.receive(.window(.slot(0), UInt64(Self.window + 100_000)))
    #expect(waiting.isOver)
    #expect(waiting.error == nil)
    server.receive(.window(.slot(0), 1 << 30))
    #expect(try server.sent().last == .data("I wait"))
  }

  @Test("the round trip is measured with DATA, once a second, and makes a busy window grow")
  func roundTrip() throws {
    let server = try StreamServer()
    let call = try server.open()
    server.receive(.data(bytes: 10))
    let ping = try #require(try server.bench.sent().first { $0.header.type == .ping })
    server.bench.advance(by: .milliseconds(50))
    server.receive(Frame(.pong, body: ping.body))
    #expect(server.bench.connection.lane.roundTrip == .milliseconds(50))
    server.receive(.data(bytes: 10))
    #expect(try server.bench.sent() == [], "not so soon again")
    // Bytes that are no clock, or a wrong one, change nothing.
    for body in [ByteBuffer(), ByteBuffer(repeating: 0xFF, count: 8), ByteBuffer(bytes: [1])] {
      server.receive(Frame(.pong, body: body))
    }
    #expect(server.bench.connection.lane.roundTrip == .milliseconds(50))
    _ = server.read(call)
    _ = server.read(call)
    for _ in 0..<4 {
      server.receive(.data(bytes: 60_000))
      _ = server.read(call)
    }
    let limit = try #require(try server.sent().last { $0.header.aux == 0 }?.limit)
    #expect(limit > UInt64(4 * 60_016 + Self.window), "twice the window")
  }
}
