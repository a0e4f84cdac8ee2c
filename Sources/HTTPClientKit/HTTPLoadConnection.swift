package import NIOCore
import NIOPosix

/// A connection for measuring: sends a request and reads as much of the answer as counts. Lean,
/// since it shares the machine with what it measures: reads bodies with a `Content-Length`, or none.
/// Touched on its event loop only.
package final class HTTPLoadConnection {
  /// What counts of an answer.
  package struct Answer: Sendable {
    package fileprivate(set) var status = 0
    package fileprivate(set) var hasRetryAfter = false
    fileprivate var isLast = false
  }

  private let handler: Handler

  private init(_ handler: Handler) {
    self.handler = handler
  }

  /// Longest wait for the connection.
  private static let connectTimeout = TimeAmount.seconds(5)

  package static func connect(
    host: String, port: Int, on loop: any EventLoop
  ) -> EventLoopFuture<HTTPLoadConnection>.Isolated {
    ClientBootstrap(group: loop)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .connectTimeout(Self.connectTimeout)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler())
        }
      }
      .connect(host: host, port: port)
      .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: Handler.self) }
      .assumeIsolated()
      .map { HTTPLoadConnection($0) }
  }

  /// Whether another request may be sent.
  package var isOpen: Bool { self.handler.isOpen }

  package func close() {
    self.handler.close()
  }

  /// Sends one request at a time.
  ///
  /// - Parameters:
  ///   - request: head and body.
  ///   - ended: told the answer, nil when there will be none.
  package func exchange(_ request: String, _ ended: @escaping (Answer?) -> Void) {
    self.handler.exchange(request, ended)
  }
}

private final class Handler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var context: ChannelHandlerContext?
  private var received = ByteBuffer()
  private var ended: ((HTTPLoadConnection.Answer?) -> Void)?
  /// The server has said that it closes.
  private var isLast = false

  var isOpen: Bool { !self.isLast && self.context?.channel.isActive == true }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func close() {
    self.context?.close(promise: nil)
  }

  func exchange(_ request: String, _ ended: @escaping (HTTPLoadConnection.Answer?) -> Void) {
    guard let context, self.isOpen else { return ended(nil) }
    self.ended = ended
    self.received.clear()
    context.writeAndFlush(NIOAny(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.received.writeBuffer(&bytes)
    guard let answer = HTTPLoadConnection.Answer(self.received.readableBytesView) else { return }
    if answer.isLast {
      self.isLast = true
      context.close(promise: nil)
    }
    self.finish(answer)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.finish(nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func finish(_ answer: HTTPLoadConnection.Answer?) {
    let ended = self.ended
    self.ended = nil
    ended?(answer)
  }
}

extension HTTPLoadConnection.Answer {
  private static let names = (
    length: Array("content-length:".utf8), retry: Array("retry-after:".utf8),
    connection: Array("connection: close".utf8)
  )

  /// Read as bytes: what an answer costs here is missing there.
  ///
  /// - Returns: nil while something is missing.
  fileprivate init?(_ bytes: ByteBufferView) {
    self.init()
    var length = 0
    var line = bytes.startIndex
    while let end = bytes[line...].firstIndex(of: UInt8(ascii: "\n")) {
      let text = bytes[line..<end]
      if line == bytes.startIndex {
        self.status = Self.number(text.dropFirst(9).prefix(3))
      } else if text.count <= 1 {
        if bytes.endIndex - (end + 1) < length { return nil }
        return
      } else if Self.begins(text, Self.names.length) {
        length = Self.number(text.dropFirst(Self.names.length.count))
      } else if Self.begins(text, Self.names.retry) {
        self.hasRetryAfter = true
      } else if Self.begins(text, Self.names.connection) {
        self.isLast = true
      }
      line = end + 1
    }
    return nil
  }

  /// - Parameter name: in small letters.
  private static func begins(_ line: ByteBufferView, _ name: [UInt8]) -> Bool {
    line.count >= name.count
      && zip(line, name).allSatisfy { $0 | (0x41...0x5A ~= $0 ? 0x20 : 0) == $1 }
  }

  private static func number(_ text: ByteBufferView) -> Int {
    text.reduce(0) { 0x30...0x39 ~= $1 ? $0 * 10 + Int($1 - 0x30) : $0 }
  }
}
