import NIOCore
import NIOPosix

/// What RPC is compared with: frames of the same size that only travel, with no call, no handler
/// and no protobuf. One write a read, as FramedRPC does it.
enum RawEcho {
  static let headerBytes = 16

  static func listen(group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            RawFrameHandler { frame, output in output.writeImmutableBuffer(frame) })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  /// Keeps `inFlight` frames of `bodyBytes` on their way, and measures each.
  static func load(
    port: Int, bodyBytes: Int, inFlight: Int, recorder: LoadRecorder, group: any EventLoopGroup
  ) async throws {
    let body = ByteBuffer(repeating: 0x61, count: bodyBytes)
    var started = [NIODeadline](repeating: .now(), count: inFlight)
    let handler = NIOLoopBoundBox.makeBoxSendingValue(
      RawFrameHandler { frame, output in
        let slot = Int(frame.getInteger(at: frame.readerIndex + 8, as: UInt32.self) ?? 0)
        guard let next = recorder.finished(startedAt: started[slot]) else { return }
        started[slot] = next
        self.writeFrame(slot, body, into: &output)
      }, eventLoop: group.any())
    let channel = try await ClientBootstrap(group: handler.eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler.value)
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    var first = ByteBuffer()
    for slot in 0..<inFlight {
      self.writeFrame(slot, body, into: &first)
    }
    try await channel.writeAndFlush(first)
    await recorder.untilOver()
    try await channel.close()
  }

  private static func writeFrame(_ slot: Int, _ body: ByteBuffer, into output: inout ByteBuffer) {
    output.writeMultipleIntegers(
      UInt32(body.readableBytes), UInt32(0), endianness: .little)
    output.writeMultipleIntegers(UInt32(slot), UInt32(0))
    output.writeImmutableBuffer(body)
  }
}

/// Cuts a stream into frames and writes whatever they cause at the end of the read.
private final class RawFrameHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let receive: (ByteBuffer, inout ByteBuffer) -> Void
  private var input = ByteBuffer()
  private var output = ByteBuffer()

  init(receive: @escaping (ByteBuffer, inout ByteBuffer) -> Void) {
    self.receive = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.input.writeBuffer(&bytes)
    while let length = self.input.getInteger(
      at: self.input.readerIndex, endianness: .little, as: UInt32.self),
      let frame = self.input.readSlice(length: RawEcho.headerBytes + Int(length))
    {
      self.receive(frame, &self.output)
    }
    self.input.discardReadBytes()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard self.output.readableBytes > 0 else { return }
    context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
    self.output.clear(minimumCapacity: 4096)
  }
}
