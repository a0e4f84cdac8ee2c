import HTTPTypes
import JSON
import Kernel
import NIOCore
import NIOHTTPTypes

/// Bounds what one request may cost its connection, where Hummingbird does not.
///
/// Hummingbird's idle timer starts again with every part of a body, and after an early answer it
/// reads the rest of the body to its end. Here a body has one deadline and a size at which the
/// connection is closed, and a request that was answered before it was read is the last one.
final class RequestLimitsHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// Times the body limit: so much of a refused body is read, so that its sender gets to read
  /// the refusal instead of a reset connection.
  private static let drainFactor = 16

  private let bodyTimeout: TimeAmount
  private let maxBytes: Int
  private var deadline: Scheduled<Void>?
  private var isReading = false
  private var bodyBytes = 0
  private var unanswered = 0
  private var closesAfterAnswer = false

  init(bodyTimeout: TimeAmount, maxBodyBytes: Int) {
    self.bodyTimeout = bodyTimeout
    self.maxBytes = maxBodyBytes * RequestLimitsHandler.drainFactor
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch self.unwrapInboundIn(data) {
    case .head:
      self.isReading = true
      self.bodyBytes = 0
      self.unanswered += 1
    case .body(let part):
      self.bodyBytes += part.readableBytes
      if self.bodyBytes > self.maxBytes { return context.close(promise: nil) }
    case .end:
      self.isReading = false
      self.stopTimer()
      if self.closesAfterAnswer, self.unanswered == 0 { return context.close(promise: nil) }
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if self.isReading, self.deadline == nil {
      let channel = context.channel
      self.deadline = context.eventLoop.scheduleTask(in: self.bodyTimeout) {
        channel.close(promise: nil)
      }
    }
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch self.unwrapOutboundIn(data) {
    case .head(let head) where head.status.kind != .informational:
      self.write(head, context: context, promise: promise)
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
    _ head: HTTPResponse, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
  ) {
    var head = head
    if self.isReading, self.unanswered <= 1 {
      self.closesAfterAnswer = true
      head.headerFields[.connection] = "close"
    }
    guard head.status == .badRequest, !head.headerFields.contains(.requestID) else {
      return context.write(self.wrapOutboundOut(.head(head)), promise: promise)
    }
    // Hummingbird's own answer to bytes that are not HTTP, the one that passes no responder.
    let id = RequestID.make()
    let body = HTTPProblem.malformedHTTP.body(instance: "/", requestID: id).bytes(.pretty)
    head.headerFields[.requestID] = id
    head.headerFields[.contentType] = MediaType.problem
    head.headerFields[.contentLength] = String(body.count)
    context.write(self.wrapOutboundOut(.head(head)), promise: promise)
    context.write(self.wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.stopTimer()
  }

  private func stopTimer() {
    self.deadline?.cancel()
    self.deadline = nil
  }
}
