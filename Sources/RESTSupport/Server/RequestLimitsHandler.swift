import JSON
import Kernel
import NIOCore
import NIOHTTP1

/// Bounds what one request may cost its connection, and refuses what is not right HTTP, where
/// Hummingbird does not.
///
/// Hummingbird's idle timer starts again with every part of a body, and after an early answer it
/// reads the rest of the body to its end. Here a body has one deadline and a size at which the
/// connection is closed, and a request that was answered before it was read is the last one, as is
/// one that asks for that.
final class RequestLimitsHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// Times the body limit: so much of a refused body is read, so that its sender gets to read
  /// the refusal instead of a reset connection.
  private static let drainFactor = 16

  private let line: RequestLineHandler
  private let limits: RESTServerConfiguration
  private let maxBytes: Int
  private var deadline: Scheduled<Void>?
  private var isReading = false
  private var bodyBytes = 0
  private var unanswered = 0
  private var closesAfterAnswer = false
  /// HTTP/1.0, which has to be told that the connection stays.
  private var isHTTP10 = false
  private var refusal: Refusal?

  /// What is answered in place of a request that never came to be one.
  private struct Refusal {
    let problem: HTTPProblem
    var path = "/"
    var id: String?
    var isHead = false
  }

  init(line: RequestLineHandler, limits: RESTServerConfiguration) {
    self.line = line
    self.limits = limits
    self.maxBytes = limits.maxBodyBytes * RequestLimitsHandler.drainFactor
  }

  // MARK: In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // After the last request nothing is read any more.
    if self.refusal != nil || self.closesAfterAnswer && !self.isReading { return }
    switch self.unwrapInboundIn(data) {
    case .head(let head): return self.read(head, data, context)
    case .body(let part):
      self.bodyBytes += part.readableBytes
      if self.bodyBytes > self.maxBytes { return context.close(promise: nil) }
    case .end:
      self.isReading = false
      self.stopTimer()
      self.line.startNext()
      if self.closesAfterAnswer, self.unanswered == 0 { return context.close(promise: nil) }
    }
    context.fireChannelRead(data)
  }

  private func read(_ head: HTTPRequestHead, _ data: NIOAny, _ context: ChannelHandlerContext) {
    if let problem = head.violation {
      let refusal = Refusal(
        problem: problem, path: RequestTarget(head.uri).path,
        id: head.headers.first(name: "X-Request-Id"), isHead: head.method == .HEAD)
      return self.refuse(refusal, context)
    }
    self.isReading = true
    self.bodyBytes = 0
    self.unanswered += 1
    self.closesAfterAnswer = head.isLast
    self.isHTTP10 = head.isHTTP10
    guard self.isHTTP10 else { return context.fireChannelRead(data) }
    var head = head
    head.headers.remove(name: "Expect")
    context.fireChannelRead(self.wrapInboundOut(.head(head)))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if self.isReading, self.deadline == nil {
      let channel = context.channel
      let timeout = TimeAmount(self.limits.bodyTimeout)
      self.deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case let problem as HTTPProblem: self.refuse(Refusal(problem: problem), context)
    case HTTPParserError.headerOverflow:
      let problem = HTTPProblem.headersTooLarge(
        maxBytes: self.limits.maxHeaderBytes, maxLines: self.limits.maxHeaderLines)
      self.refuse(Refusal(problem: problem), context)
    case HTTPParserError.invalidMethod:
      let problem = self.line.method.map { HTTPProblem.methodNotImplemented($0) }
      self.refuse(Refusal(problem: problem ?? .malformedHTTP), context)
    case is HTTPParserError: self.refuse(Refusal(problem: .malformedHTTP), context)
    default: context.fireErrorCaught(error)
    }
  }

  /// Has Hummingbird answer, after what is still to be answered, and end the connection.
  private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
    guard self.refusal == nil else { return }
    self.refusal = refusal
    // The one error that it does answer.
    context.fireErrorCaught(HTTPParserError.unknown)
  }

  // MARK: Out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch self.unwrapOutboundIn(data) {
    case .head(let head) where head.status.code >= 200:
      self.write(head, data, context, promise)
    case .end:
      self.unanswered = max(0, self.unanswered - 1)
      context.write(data, promise: promise)
      if self.closesAfterAnswer, !self.isReading, self.unanswered == 0 {
        context.flush()
        context.close(promise: nil)
      }
    default: context.write(data, promise: promise)
    }
  }

  private func write(
    _ head: HTTPResponseHead, _ data: NIOAny, _ context: ChannelHandlerContext,
    _ promise: EventLoopPromise<Void>?
  ) {
    if let refusal = self.refusal, !head.headers.contains(name: "Request-Id") {
      return self.write(refusal, head, context, promise)
    }
    let isLast = self.unanswered <= 1
    if self.isReading, isLast { self.closesAfterAnswer = true }
    guard isLast, self.closesAfterAnswer || self.isHTTP10 else {
      return context.write(data, promise: promise)
    }
    var head = head
    head.headers.replaceOrAdd(
      name: "Connection", value: self.closesAfterAnswer ? "close" : "keep-alive")
    context.write(self.wrapOutboundOut(.head(head)), promise: promise)
  }

  /// In place of Hummingbird's own answer to bytes that are not HTTP, which has no body.
  private func write(
    _ refusal: Refusal, _ head: HTTPResponseHead, _ context: ChannelHandlerContext,
    _ promise: EventLoopPromise<Void>?
  ) {
    let id = RequestID.accept(refusal.id)
    let body = refusal.problem.body(instance: refusal.path, requestID: id).bytes(self.limits.style)
    var head = head
    head.status = HTTPResponseStatus(statusCode: refusal.problem.status)
    head.headers.replaceOrAdd(name: "Request-Id", value: id)
    head.headers.replaceOrAdd(name: "Content-Type", value: MediaType.problem)
    head.headers.replaceOrAdd(name: "Content-Length", value: String(body.count))
    context.write(self.wrapOutboundOut(.head(head)), promise: promise)
    if refusal.isHead { return }
    context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.stopTimer()
  }

  private func stopTimer() {
    self.deadline?.cancel()
    self.deadline = nil
  }
}
