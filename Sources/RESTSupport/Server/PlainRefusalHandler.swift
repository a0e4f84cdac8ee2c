import Kernel
import NIOCore

/// Answers a request for which there is no room from its bytes, before anything decodes them: under
/// overload most requests end here, and what they cost is taken from those that are let in.
///
/// It knows where requests begin as long as all are plain; whatever else comes goes on to the
/// decoder, as does all that comes after it on this connection.
final class PlainRefusalHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Place {
    case betweenRequests
    /// So many bytes of a body are still to come.
    case inBody(Int)
    case unknown
  }

  private let door: FrontDoor
  private let now: () -> ContinuousClock.Instant
  /// Hummingbird closes a connection on which it has seen nothing for its idle time. Those that are
  /// answered here it does not see, so that one goes its way from time to time.
  private let unseenTime: Duration
  private var seen: ContinuousClock.Instant
  private var place = Place.betweenRequests
  /// Requests that went on and are not answered.
  private var unanswered = 0
  /// Something of what is read now went on.
  private var wentOn = false
  private var isWritable = true
  private var rest: LoopRest?
  private var last: FrontDoor.Refusal?
  private var out = ByteBuffer()

  /// - Parameter now: the clock, so that a test can move it.
  init(
    _ door: FrontDoor, now: @escaping () -> ContinuousClock.Instant = { ContinuousClock.now }
  ) {
    self.door = door
    self.now = now
    self.seen = now()
    self.unseenTime = door.limits.idleTimeout / 2
  }

  /// One of the requests that went on.
  func answered() {
    self.unanswered -= 1
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.rest = self.door.rest(of: context.eventLoop)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    self.isWritable = context.channel.isWritable
    context.fireChannelWritabilityChanged()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = self.unwrapInboundIn(data)
    switch self.place {
    case .betweenRequests: if self.read(bytes, context) { return }
    case .inBody(let left): self.goOn(left - bytes.readableBytes)
    case .unknown: break
    }
    self.wentOn = true
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Those behind have nothing to complete when all was answered here.
    guard self.wentOn else { return }
    self.wentOn = false
    context.fireChannelReadComplete()
  }

  /// - Returns: whether it has been answered.
  private func read(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
    guard let request = PlainRequest(bytes.readableBytesUInt8Span, self.door.limits) else {
      self.place = .unknown
      return false
    }
    let left = request.headBytes + request.bodyBytes - bytes.readableBytes
    // Who does not read its answers gets no more of them: further in, that holds the reading up.
    if left == 0, self.unanswered == 0, self.isWritable, self.refuse(request, bytes, context) {
      return true
    }
    self.unanswered += 1
    self.goOn(left)
    return false
  }

  /// - Parameter left: of the request's bytes; below 0 when another begins behind them.
  private func goOn(_ left: Int) {
    self.place = left == 0 ? .betweenRequests : left > 0 ? .inBody(left) : .unknown
  }

  private func refuse(
    _ request: PlainRequest, _ bytes: ByteBuffer, _ context: ChannelHandlerContext
  ) -> Bool {
    func text(_ range: Range<Int>) -> String {
      bytes.getString(at: bytes.readerIndex + range.lowerBound, length: range.count) ?? ""
    }
    let now = self.now()
    guard now - self.seen < self.unseenTime,
      let refusal = self.door.refusal(
        of: request.verb.rawValue, request.verb, text(request.path), last: self.last)
    else {
      self.seen = now
      return false
    }
    self.last = refusal
    self.out.clear()
    refusal.write(request.requestID.map(text) ?? RequestID.make(), to: &self.out)
    refusal.count(since: now)
    context.writeAndFlush(self.wrapOutboundOut(self.out), promise: nil)
    self.rest?.take()
    return true
  }
}
