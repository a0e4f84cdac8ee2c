import Contracts
import FramedRPC
import NIOCore
import NIOEmbedded
import Testing

/// A server's connection with a recording wire and a loop whose time is the test's.
///
/// Everything happens on the test's own thread, in order.
final class ServerBench {
  let loop = EmbeddedEventLoop()
  let wire = RecordingWire()
  let handler: TestHandler
  let connection: ServerConnection
  let handlerTasks: HandlerTasks

  /// - Parameters:
  ///   - service: the one to serve, when it is not that of `handler`.
  ///   - greets: whether the handshake is over when the test begins.
  init(
    limits: RPCLimits = .standard, handler: TestHandler = TestHandler(),
    service: RPCService? = nil, admission: Admission? = nil, greets: Bool = true,
    onUnhandledError: @escaping @Sendable (any Error, RPCContext) -> Void = { _, _ in },
    onEnd: @escaping @Sendable () -> Void = {}
  ) throws {
    self.handler = handler
    self.handlerTasks = HandlerTasks(loop: self.loop)
    self.connection = ServerConnection(
      loop: self.loop, limits: limits,
      table: try MethodTable([
        service ?? FramedrpcV1.TestService.register(handler, on: .eventLoop)
      ]),
      handlerTasks: self.handlerTasks, admission: admission,
      onUnhandledError: onUnhandledError, onEnd: { _ in onEnd() })
    self.connection.attach(self.wire)
    if greets {
      var hello = ByteBuffer()
      Hello(maxFrameBytes: 1024 * 1024).write(into: &hello)
      self.receive(hello)
      _ = try self.sent()
    }
  }

  func receive(_ bytes: ByteBuffer) {
    self.connection.received(bytes)
    self.loop.run()
  }

  func receive(_ frame: Frame) {
    self.receive(frame.bytes)
  }

  func advance(by time: TimeAmount) {
    self.loop.advanceTime(by: time)
  }

  /// What was sent since the last time.
  func sent() throws -> [Frame] {
    self.loop.run()
    return try self.wire.takeFrames()
  }

  /// Drains the connection of a client that heeds it: DRAIN and PING are sent, and the PONG comes.
  func drain() throws {
    self.connection.drain()
    let sent = try self.sent()
    #expect(sent.map(\.header.type) == [.drain, .ping])
    if let ping = sent.last {
      self.receive(Frame(.pong, body: ping.body))
    }
  }

  /// The GOAWAY that ended the connection.
  func refusal() throws -> GoAway? {
    guard let last = try self.sent().last, last.header.type == .goAway else { return nil }
    return try GoAway(from: last.body)
  }

  /// A call of Echo.
  static func echo(
    _ request: FramedrpcV1.EchoRequest, stream: StreamID = .slot(0), microseconds: UInt32 = 0
  ) throws -> Frame {
    Frame(
      .request, flags: [.message, .end], stream: stream, aux: microseconds,
      body: try request.encoded())
  }

  /// A call that asks for an answer of so many bytes, and some.
  static func reflect(bytes: Int, stream: StreamID) throws -> Frame {
    Frame(
      .request, flags: [.message, .end], code: 1, stream: stream,
      body: try FramedrpcV1.ReflectRequest(everything: .init(small: Int32(bytes))).encoded())
  }

  /// A call that the handler keeps until it is released or cancelled.
  static func heldEcho(
    _ number: Int64, stream: StreamID = .slot(0), microseconds: UInt32 = 0
  ) throws -> Frame {
    try Self.echo(
      FramedrpcV1.EchoRequest(number: number, delayMs: 1), stream: stream,
      microseconds: microseconds)
  }
}
