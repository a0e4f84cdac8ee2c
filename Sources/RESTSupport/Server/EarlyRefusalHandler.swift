import HTTPTypes
import Kernel
import NIOCore
import NIOHTTPTypes

/// Answers a request for which there is no room, on its connection's event loop and before
/// Hummingbird has work with it: the ones that ``PlainRefusalHandler`` leaves to it.
final class EarlyRefusalHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let door: FrontDoor
  private let plain: PlainRefusalHandler
  /// Requests that Hummingbird has to answer first.
  private var unanswered = 0
  /// The request that is read has been refused.
  private var isRefused = false
  /// What it is told, until it has been.
  private var answer: Answer?
  /// Requests let by that were read to their end, and those that were answered.
  private var whole = 0
  private var answered = 0

  private struct Answer {
    let refusal: FrontDoor.Refusal
    let id: String
    let isHead: Bool
    let start: ContinuousClock.Instant
  }

  /// - Parameter plain: of the same connection.
  init(_ door: FrontDoor, _ plain: PlainRefusalHandler) {
    self.door = door
    self.plain = plain
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .head(let head):
      if self.unanswered == 0, context.channel.isWritable { self.answer = self.refusal(of: head) }
      self.isRefused = self.answer != nil
      if !self.isRefused { self.unanswered += 1 }
    case .body: break
    case .end:
      if self.isRefused {
        self.isRefused = false
        return self.tell(context)
      }
      self.count { self.whole += 1 }
    }
    if !self.isRefused { context.fireChannelRead(data) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Its body is still on the way, and need not be sent.
    self.tell(context)
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = self.unwrapOutboundIn(data) {
      self.unanswered -= 1
      self.count { self.answered += 1 }
      self.plain.answered()
    }
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.count { self.answered = self.whole }
  }

  /// Has the door know how many run here. Not those that are still sent: a slow sender must not
  /// keep others out.
  private func count(_ change: () -> Void) {
    let before = max(0, self.whole - self.answered)
    change()
    self.door.addRunning(max(0, self.whole - self.answered) - before)
  }

  private func tell(_ context: ChannelHandlerContext) {
    guard let answer = self.answer else { return }
    self.answer = nil
    let (head, body) = self.door.answer(answer.refusal, answer.id)
    answer.refusal.count(since: answer.start)
    self.plain.answered()
    context.write(self.wrapOutboundOut(.head(head)), promise: nil)
    if let body, !answer.isHead {
      context.write(self.wrapOutboundOut(.body(body)), promise: nil)
    }
    context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
  }

  private func refusal(of head: HTTPRequest) -> Answer? {
    let start = ContinuousClock.now
    let method = head.method.rawValue
    guard let verb = HTTPVerb(serving: method),
      let refusal = self.door.refusal(
        of: method, verb, RequestTarget(head.path ?? "/").path, last: nil)
    else { return nil }
    return Answer(
      refusal: refusal, id: RequestID.accept(head.headerFields[.requestIDHint]),
      isHead: head.method == .head, start: start)
  }
}
