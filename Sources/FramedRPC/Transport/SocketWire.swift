import NIOCore
import NIOPosix

/// Joins a FramedRPC connection to a NIO channel: TCP or a Unix socket.
final class SocketWire: ChannelInboundHandler, Wire {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let connection: FramedConnection
  private var context: ChannelHandlerContext?
  private var lingerTimer: Scheduled<Void>?

  /// Longest time from our FIN to the peer's.
  private static let lingerTimeout: TimeAmount = .seconds(2)

  init(connection: FramedConnection) {
    self.connection = connection
  }

  // MARK: from the channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive {
      self.connection.attach(self)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    self.connection.attach(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    self.connection.received(self.unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.lingerTimer?.cancel()
    self.connection.wireClosed("the peer closed it")
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    self.connection.wireWritabilityChanged(context.channel.isWritable)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.connection.wireClosed("\(error)")
    context.close(promise: nil)
  }

  // MARK: to the channel

  var queuedBytes: Int {
    let options = self.context?.channel.syncOptions
    return (try? options?.getOption(.bufferedWritableBytes)) ?? 0
  }

  func write(_ bytes: ByteBuffer) {
    self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
  }

  func setReading(_ reading: Bool) {
    self.context?.channel.setOption(.autoRead, value: reading).whenComplete { _ in }
  }

  /// Sends what is queued and a FIN, then reads on until the peer closes too.
  ///
  /// To close at once would throw queued answers away, and unread bytes would make a reset of the
  /// FIN, which destroys the GOAWAY before it can be read.
  func close() {
    guard let channel = self.context?.channel, self.lingerTimer == nil else { return }
    self.lingerTimer = channel.eventLoop.scheduleTask(in: Self.lingerTimeout) {
      channel.close(promise: nil)
    }
    channel.close(mode: .output).whenFailure { _ in channel.close(promise: nil) }
    self.setReading(true)
  }

  // MARK: making channels

  /// Bytes queued in the channel above which it is not writable, and below which it is again.
  static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(
    low: 256 * 1024, high: 1024 * 1024)

  static func configure(_ channel: any Channel, _ connection: FramedConnection)
    -> EventLoopFuture<Void>
  {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(SocketWire(connection: connection))
    }
  }
}
