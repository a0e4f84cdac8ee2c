internal import NIOCore
import NIOPosix

/// One connection of an ``HTTPClient``: one request at a time.
struct HTTPConnection: Sendable {
  private let channel: any Channel

  static func connect(
    host: String, port: Int, deadline: TimeAmount
  ) async throws -> HTTPConnection {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(deadline)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(HTTPResponseHandler())
        }
      }
      .connect(host: host, port: port).get()
    return HTTPConnection(channel: channel)
  }

  var isOpen: Bool { self.channel.isActive }

  func close() {
    self.channel.close(promise: nil)
  }

  func exchange(raw: String, isHead: Bool, deadline: TimeAmount) async throws -> HTTPResponse {
    let channel = self.channel
    let answer = channel.eventLoop.flatSubmit { () -> EventLoopFuture<HTTPResponse> in
      let promise = channel.eventLoop.makePromise(of: HTTPResponse.self)
      do {
        let handler = try channel.pipeline.syncOperations.handler(type: HTTPResponseHandler.self)
        handler.expect(promise, isHead: isHead)
      } catch {
        promise.fail(HTTPClientError.closed)
        return promise.futureResult
      }
      channel.writeAndFlush(ByteBuffer(string: raw), promise: nil)
      let timer = channel.eventLoop.scheduleTask(in: deadline) {
        promise.fail(HTTPClientError.deadlineExceeded)
        channel.close(promise: nil)
      }
      promise.futureResult.whenComplete { _ in timer.cancel() }
      return promise.futureResult
    }
    do {
      return try await answer.get()
    } catch {
      channel.close(promise: nil)
      throw error
    }
  }
}

/// Collects bytes until they are a response.
private final class HTTPResponseHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var parser = HTTPResponseParser(isHead: false)
  private var promise: EventLoopPromise<HTTPResponse>?

  func expect(_ promise: EventLoopPromise<HTTPResponse>, isHead: Bool) {
    self.parser = HTTPResponseParser(isHead: isHead)
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do {
      let bytes = self.unwrapInboundIn(data).readableBytesView
      guard let response = try self.parser.feed(Array(bytes)) else { return }
      self.finish(.success(response))
    } catch {
      self.finish(.failure(error))
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if let response = self.parser.end() {
      self.finish(.success(response))
    } else {
      self.finish(.failure(HTTPClientError.closed))
    }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset is how a peer closes a connection whose last bytes it has not read.
    self.finish(.failure(error is IOError ? HTTPClientError.closed : error))
    context.close(promise: nil)
  }

  private func finish(_ result: Result<HTTPResponse, any Error>) {
    let promise = self.promise
    self.promise = nil
    promise?.completeWith(result)
  }
}
