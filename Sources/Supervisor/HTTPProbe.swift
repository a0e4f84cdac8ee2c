import NIOCore
import NIOPosix

/// Asks a path by HTTP, only to learn the status.
package enum HTTPProbe {
  private static let timeout = TimeAmount.seconds(2)

  /// The status of `GET path`, or nil when nobody answers.
  package static func status(
    host: String, port: Int, path: String, group: any EventLoopGroup
  ) async -> Int? {
    let promise = group.any().makePromise(of: Int?.self)
    let giveUp = group.any().scheduleTask(in: self.timeout) { promise.succeed(nil) }
    ClientBootstrap(group: group)
      .connectTimeout(self.timeout)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            StatusHandler(request: Self.request(host, path), promise: promise))
        }
      }
      .connect(host: host, port: port)
      .whenFailure { _ in promise.succeed(nil) }
    let status = try? await promise.futureResult.get()
    giveUp.cancel()
    return status ?? nil
  }

  private static func request(_ host: String, _ path: String) -> String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
  }
}

/// Sends the request and reads `HTTP/1.1 200`.
private final class StatusHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let request: String
  private let promise: EventLoopPromise<Int?>
  private var answer = ByteBuffer()

  init(request: String, promise: EventLoopPromise<Int?>) {
    self.request = request
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    self.promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
    context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.answer.writeBuffer(&bytes)
    guard let text = self.answer.getString(at: self.answer.readerIndex, length: 12) else { return }
    self.promise.succeed(Int(text.suffix(3)))
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.promise.succeed(nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
