import HTTPTypes
import Kernel
import NIOCore
import NIOHTTPTypes

/// Answers a request for which there is no room, on its connection's event loop and before
/// Hummingbird has work with it: under overload most requests end here, and what they cost is taken
/// from those that are let in.
final class EarlyRefusalHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let routes: RouteTable
  private let admission: any RequestAdmission
  private let metrics: HTTPServerMetrics?
  private let layout: ResponseLayout
  /// Requests that Hummingbird has to answer first.
  private var unanswered = 0
  /// The request that is read has been refused.
  private var isRefused = false
  /// What it is told, until it has been.
  private var answer: Refusal?

  private struct Refusal {
    let head: HTTPResponse
    let body: ByteBuffer?
    let method: String
    let route: HTTPServerMetrics.Route
    let start: ContinuousClock.Instant
  }

  /// - Parameter metrics: counts those who are refused; nil: nothing does.
  init(
    routes: RouteTable, admission: any RequestAdmission, metrics: HTTPServerMetrics?,
    layout: ResponseLayout
  ) {
    self.routes = routes
    self.admission = admission
    self.metrics = metrics
    self.layout = layout
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .head(let head):
      if self.unanswered == 0 { self.answer = self.refusal(of: head) }
      self.isRefused = self.answer != nil
      if !self.isRefused { self.unanswered += 1 }
    case .body: break
    case .end:
      if self.isRefused {
        self.isRefused = false
        return self.tell(context)
      }
    }
    if !self.isRefused { context.fireChannelRead(data) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Its body is still on the way, and need not be sent.
    self.tell(context)
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = self.unwrapOutboundIn(data) { self.unanswered -= 1 }
    context.write(data, promise: promise)
  }

  private func tell(_ context: ChannelHandlerContext) {
    guard let answer = self.answer else { return }
    self.answer = nil
    self.metrics?.refused(
      answer.method, route: answer.route, status: answer.head.status.code, since: answer.start)
    context.write(self.wrapOutboundOut(.head(answer.head)), promise: nil)
    if let body = answer.body { context.write(self.wrapOutboundOut(.body(body)), promise: nil) }
    context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
  }

  /// - Returns: nil when Hummingbird shall see the request: also when no route wants it.
  private func refusal(of head: HTTPRequest) -> Refusal? {
    // Where there is room, that is all that a request has to pay here.
    guard let verb = HTTPVerb(serving: head.method.rawValue), self.admission.isFull(for: verb)
    else { return nil }
    let start = ContinuousClock.now
    let target = RequestTarget(head.path ?? "/")
    guard case .match(let match)? = try? self.routes.answer(head.method.rawValue, target.path),
      !match.isExempt, let problem = self.admission.refuseIfFull(verb)
    else { return nil }
    let id = RequestID.accept(head.headerFields[.requestIDHint])
    var (answer, body) = self.layout.response(
      match.refusal?(problem) ?? self.layout.answer(problem, instance: target.path, id))
    answer.headerFields[.requestID] = id
    answer.headerFields[.contentLength] = String(body?.readableBytes ?? 0)
    if head.method == .head { body = nil }
    return Refusal(
      head: answer, body: body, method: head.method.rawValue, route: .init(match), start: start)
  }
}
