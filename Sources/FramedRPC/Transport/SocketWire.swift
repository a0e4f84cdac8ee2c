import NIOCore
import NIOPosix

/// Joins a FramedRPC connection to a NIO channel: TCP or a Unix socket.
///
/// `@unchecked Sendable`: touched only on the channel's event loop, also by its timers.
final class SocketWire: ChannelInboundHandler, Wire, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let connection: FramedConnection
  @exclusivity(unchecked) private var context: ChannelHandlerContext?
  private var closeTimer: Scheduled<Void>?
  private var closeTime: NIODeadline?
  private var hasBegun = false
  private var isClosing = false
  /// Ends the channel without what its security would still say; nil without security.
  private let front: FrontHandler?

  /// Longest time from our FIN to the peer's.
  static let lingerTimeout: TimeAmount = .seconds(2)

  init(connection: FramedConnection, front: FrontHandler? = nil) {
    self.connection = connection
    self.front = front
  }

  // MARK: from the channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive, self.front == nil {
      self.begin(context)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    // A channel that never became active does not become inactive either.
    self.connection.wireClosed("the channel is gone")
  }

  /// With security this comes when the peer is known.
  func channelActive(context: ChannelHandlerContext) {
    self.begin(context)
  }

  /// Comes twice when the channel was made active just before this was added to it.
  private func begin(_ context: ChannelHandlerContext) {
    guard !self.hasBegun else { return }
    self.hasBegun = true
    // It may have been told to end while the security's handshake ran.
    guard !self.connection.isEnded else { return context.close(promise: nil) }
    if self.front == nil {
      self.connection.peer = RPCPeer(address: context.channel.remoteAddress)
    }
    self.connection.attach(self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let peer = event as? RPCPeer {
      self.connection.peer = peer
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    self.connection.received(self.unwrapInboundIn(data))
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.closeTimer?.cancel()
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

  /// One system call for both.
  func write(_ head: ByteBuffer, _ body: ByteBuffer) {
    self.context?.write(self.wrapOutboundOut(head), promise: nil)
    self.write(body)
  }

  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void) {
    guard let context = self.context else { return whenWritten() }
    context.writeAndFlush(self.wrapOutboundOut(bytes)).whenComplete { _ in whenWritten() }
  }

  func setReading(_ reading: Bool) {
    self.context?.channel.setOption(.autoRead, value: reading).whenComplete { _ in }
  }

  /// Sends what is queued and a FIN, then reads on until the peer closes too.
  ///
  /// To close at once would throw queued answers away, and unread bytes would make a reset of the
  /// FIN, which destroys the GOAWAY before it can be read.
  func close(within limit: TimeAmount) {
    guard let channel = self.context?.channel else { return }
    guard limit > .zero else { return self.closeNow(channel) }
    self.closeAll(channel, in: limit)
    guard !self.isClosing else { return }
    self.isClosing = true
    channel.close(mode: .output).whenComplete { result in
      switch result {
      case .success: self.closeAll(channel, in: Self.lingerTimeout, replaces: true)
      case .failure: self.closeNow(channel)
      }
    }
    self.setReading(true)
  }

  /// TLS by itself would wait for the peer's farewell.
  private func closeNow(_ channel: any Channel) {
    if let front = self.front {
      front.closeNow()
    } else {
      channel.close(promise: nil)
    }
  }

  /// Ends both directions in `time`, or when it was to happen already if that is earlier.
  private func closeAll(_ channel: any Channel, in time: TimeAmount, replaces: Bool = false) {
    let due = channel.eventLoop.now + time
    if !replaces, let closeTime = self.closeTime, closeTime <= due { return }
    self.closeTimer?.cancel()
    self.closeTime = due
    self.closeTimer = channel.eventLoop.scheduleTask(deadline: due) { self.closeNow(channel) }
  }

  // MARK: making channels

  /// Bytes queued in the channel above which it is not writable, and below which it is again.
  static let writeBuffer = ChannelOptions.Types.WriteBufferWaterMark(
    low: 256 * 1024, high: 1024 * 1024)

  static func configure(
    _ channel: any Channel, _ connection: FramedConnection, _ security: (any TransportSecurity)?
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      var front: FrontHandler?
      if let security {
        let handler = FrontHandler()
        try pipeline.addHandler(handler)
        try security.secure(
          channel, handshakeTimeout: TimeAmount(connection.limits.handshakeTimeout))
        front = handler
      }
      try pipeline.addHandler(SocketWire(connection: connection, front: front))
    }
  }
}

/// Stands between the socket and its security, to close the socket without asking.
///
/// `@unchecked Sendable`: touched only on the channel's event loop.
final class FrontHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func closeNow() {
    self.context?.close(promise: nil)
  }
}
