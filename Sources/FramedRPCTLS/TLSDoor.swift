import FramedRPC
import NIOCore

/// What the handlers of one connection know together; touched only on its event loop.
final class TLSPhase {
  /// Whether the handshake is over and the peer is who it must be.
  var isOpen = false
}

/// The outermost handler: tells plaintext from TLS by the first byte, and lets the peer read why a
/// handshake failed.
final class TLSDoor: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Side {
    case client, server
  }

  /// RFC 8446, section 5.1.
  private static let alertRecord: UInt8 = 0x15
  /// How long the peer may take to read an alert.
  private static let lingerTime: TimeAmount = .seconds(2)

  private let side: Side
  private let phase: TLSPhase
  private var hasBegun = false
  private var closeTimer: Scheduled<Void>?

  init(side: Side, phase: TLSPhase) {
    self.side = side
    self.phase = phase
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard self.closeTimer == nil else { return }
    if !self.hasBegun {
      let bytes = self.unwrapInboundIn(data)
      guard let first = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else { return }
      self.hasBegun = true
      guard first == Handshake.tlsRecord || (self.side == .client && first == Self.alertRecord)
      else {
        return self.refusePlaintext(context, first)
      }
    }
    context.fireChannelRead(data)
  }

  private func refusePlaintext(_ context: ChannelHandlerContext, _ first: UInt8) {
    switch self.side {
    case .client:
      context.fireErrorCaught(TLSFailure("the server does not speak TLS on this port"))
    case .server:
      if first == Handshake.magic[0] {
        var bytes = ByteBuffer()
        let violation = ProtocolViolation.plaintext
        GoAway(acceptedCalls: 0, reason: violation.reason, message: violation.message)
          .write(into: &bytes)
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
      }
      context.fireErrorCaught(TLSFailure("the client does not speak TLS"))
    }
    context.close(mode: .all, promise: nil)
  }

  /// A handshake that failed leaves bytes of the peer unread. To close over them would make a reset
  /// that destroys the alert before the peer can read it.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, !self.phase.isOpen, context.channel.isActive else {
      return context.close(mode: mode, promise: promise)
    }
    context.channel.closeFuture.cascade(to: promise)
    self.linger(context)
  }

  private func linger(_ context: ChannelHandlerContext) {
    guard self.closeTimer == nil else { return }
    let loop = context.eventLoop.assumeIsolated()
    self.closeTimer = loop.scheduleTask(in: Self.lingerTime) { context.close(promise: nil) }
    context.close(mode: .output, promise: nil)
    context.channel.setOption(.autoRead, value: true).whenComplete { _ in }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.closeTimer?.cancel()
    context.fireChannelInactive()
  }
}
