import BenchKit
import NIOCore
import NIOPosix

/// Frames of a 16-byte header and a body, echoed by SwiftNIO: what an RPC runtime on SwiftNIO could
/// reach if it did nothing. One write a read, as FramedRPC does it. With `--tasks` a Swift task waits
/// for every frame on both sides: what is left to a runtime with `async` callers and handlers.
@main
enum RawNIOPeer {
  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  static func main() async throws {
    let options = Options()
    guard !options.isServer else { return try await self.serve(options) }
    switch options.mode {
    case "unary" where options.tasks: try await self.loadByTasks(options)
    case "unary": try await self.load(options, .closed)
    case "rate": try await self.load(options, .open)
    case "idle":
      for _ in 0..<options.connections {
        _ = try await self.connect(options) { FrameHandler { _, _ in } }
      }
      Talk.ready()
      try await Talk.forever()
    default: fail("no mode \(options.mode)")
    }
  }

  private static func serve(_ options: Options) async throws {
    let channel = try await ServerBootstrap(group: self.group)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let handler =
            options.tasks
            ? TaskEcho(channel.eventLoop).handler
            : FrameHandler { frame, output in output.writeImmutableBuffer(frame) }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .bind(host: "127.0.0.1", port: options.port).get()
    Talk.port(channel.localAddress?.port ?? 0)
    try await Talk.forever()
  }

  private enum Model { case open, closed }

  private static func load(_ options: Options, _ model: Model) async throws {
    let load = Load(options, slots: 1)
    let client = Client(load)
    let channel = try await self.connect(options) {
      FrameHandler { frame, output in client.receive(frame, &output) }
    }
    await withUnsafeContinuation { continuation in
      channel.eventLoop.execute {
        switch model {
        case .closed: client.beginClosed(channel, continuation)
        case .open: client.beginOpen(channel, continuation)
        }
      }
    }
    await load.report()
  }

  private static func loadByTasks(_ options: Options) async throws {
    let load = Load(options)
    let client = TaskClient(load, self.group.next())
    let channel = try await self.connect(options) { client.handler }
    try await client.run(channel)
    await load.report()
  }

  private static func connect(
    _ options: Options, handler: @escaping @Sendable () -> FrameHandler
  ) async throws -> any Channel {
    try await ClientBootstrap(group: self.group)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler())
        }
      }
      .connect(host: "127.0.0.1", port: options.port).get()
  }
}

/// Touched on its channel's event loop only.
private final class Client: @unchecked Sendable {
  private let load: Load
  private let slot: Load.Slot
  private let body: ByteBuffer
  private var started: [Int64]
  private var pace: Pace
  private var isOpen = false
  private var isOver = false
  private var sent = 0
  private var running = 0
  private var continuation: UnsafeContinuation<Void, Never>?

  init(_ load: Load) {
    self.load = load
    self.slot = load.slots[0]
    self.body = ByteBuffer(repeating: 0x61, count: load.options.bytes)
    self.started = [Int64](repeating: 0, count: Pace.maxOutstanding)
    self.pace = Pace(load.options)
  }

  func beginClosed(_ channel: any Channel, _ continuation: UnsafeContinuation<Void, Never>) {
    self.continuation = continuation
    self.isOver = true
    var output = ByteBuffer()
    for slot in 0..<self.load.options.inFlight {
      self.send(slot, now(), &output)
    }
    channel.writeAndFlush(output, promise: nil)
  }

  func beginOpen(_ channel: any Channel, _ continuation: UnsafeContinuation<Void, Never>) {
    self.continuation = continuation
    self.isOpen = true
    self.pace = Pace(self.load.options)
    self.turn(channel)
  }

  private func turn(_ channel: any Channel) {
    let time = now()
    var output = ByteBuffer()
    while self.pace.due <= time, self.pace.due < self.load.end,
      self.running < Pace.maxOutstanding
    {
      self.send(self.sent % Pace.maxOutstanding, self.pace.due, &output)
      self.pace.advance()
    }
    channel.writeAndFlush(output, promise: nil)
    guard self.pace.due < self.load.end, time < self.load.end else {
      self.isOver = true
      return self.finishIfOver()
    }
    channel.eventLoop.scheduleTask(deadline: self.pace.wakeUp(after: time)) {
      self.turn(channel)
    }
  }

  func receive(_ frame: ByteBuffer, _ output: inout ByteBuffer) {
    let slot = Int(frame.getInteger(at: frame.readerIndex + 8, as: UInt32.self) ?? 0)
    self.running -= 1
    if let next = self.slot.finished(self.started[slot]), !self.isOpen {
      self.send(slot, next, &output)
    }
    self.finishIfOver()
  }

  private func finishIfOver() {
    guard self.isOver, self.running == 0 else { return }
    self.continuation.take()?.resume()
  }

  private func send(_ slot: Int, _ start: Int64, _ output: inout ByteBuffer) {
    self.started[slot] = start
    self.sent += 1
    self.running += 1
    output.writeMultipleIntegers(UInt32(self.body.readableBytes), UInt32(0), endianness: .little)
    output.writeMultipleIntegers(UInt32(slot), UInt32(0))
    output.writeImmutableBuffer(self.body)
  }
}

/// Cuts a stream into frames and writes whatever they cause at the end of the read.
///
/// `@unchecked Sendable`: touched on its channel's event loop only.
final class FrameHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let headerBytes = 16

  private let receive: (ByteBuffer, inout ByteBuffer) -> Void
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private let readComplete: (inout ByteBuffer) -> Void

  /// - Parameter readComplete: adds what is to be written only at the end of a read.
  init(
    readComplete: @escaping (inout ByteBuffer) -> Void = { _ in },
    receive: @escaping (ByteBuffer, inout ByteBuffer) -> Void
  ) {
    self.readComplete = readComplete
    self.receive = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.input.writeBuffer(&bytes)
    while let length = self.input.getInteger(
      at: self.input.readerIndex, endianness: .little, as: UInt32.self),
      let frame = self.input.readSlice(length: Self.headerBytes + Int(length))
    {
      self.receive(frame, &self.output)
    }
    self.input.discardReadBytes()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    self.readComplete(&self.output)
    guard self.output.readableBytes > 0 else { return }
    context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
    self.output.clear(minimumCapacity: 4096)
  }
}
