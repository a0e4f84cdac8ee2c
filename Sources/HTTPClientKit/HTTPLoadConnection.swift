package import NIOCore
import NIOPosix

/// A connection for measuring: sends a request and reads as much of the answer as counts. Lean,
/// since it shares the machine with what it measures: reads bodies with a `Content-Length`, or none.
/// Touched on its event loop only.
package final class HTTPLoadConnection: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  /// What counts of an answer.
  package struct Answer: Sendable {
    package fileprivate(set) var status = 0
    package fileprivate(set) var hasRetryAfter = false
    fileprivate var isLast = false
  }

  /// Longest wait for the connection.
  private static let connectTimeout = TimeAmount.seconds(5)

  private let authority: String
  private var context: ChannelHandlerContext?
  private var received = ByteBuffer()
  private var ended: ((Answer?) -> Void)?
  /// The server has said that it closes.
  private var isLast = false

  private init(authority: String) {
    self.authority = authority
  }

  package static func connect(
    host: String, port: Int, on loop: any EventLoop
  ) -> EventLoopFuture<HTTPLoadConnection>.Isolated {
    let authority = HTTPClient.authority(host, port)
    return ClientBootstrap(group: loop)
      .channelOption(.socketOption(.tcp_nodelay), value: 1)
      .connectTimeout(Self.connectTimeout)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(HTTPLoadConnection(authority: authority))
        }
      }
      .connect(host: host, port: port)
      .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: HTTPLoadConnection.self) }
      .assumeIsolated()
  }

  /// Whether another request may be sent.
  package var isOpen: Bool { !self.isLast && self.context?.channel.isActive == true }

  package func close() {
    self.context?.close(promise: nil)
  }

  /// Sends one request at a time.
  ///
  /// - Parameter ended: told the answer, nil when there will be none.
  package func post(_ path: String, json: String, _ ended: @escaping (Answer?) -> Void) {
    guard let context, self.isOpen else { return ended(nil) }
    self.ended = ended
    self.received.clear()
    let request =
      "POST \(path) HTTP/1.1\r\nHost: \(self.authority)\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
    context.writeAndFlush(NIOAny(ByteBuffer(string: request)), promise: nil)
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.received.writeBuffer(&bytes)
    guard let answer = Answer(self.received.readableBytesView) else { return }
    if answer.isLast {
      self.isLast = true
      context.close(promise: nil)
    }
    self.finish(answer)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    self.finish(nil)
    context.fireChannelInactive()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func finish(_ answer: Answer?) {
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
