import HTTPTypes
import NIOCore

/// Watches the first line of each request, because the decoder has one limit and one error for
/// this line and the header lines together.
final class RequestLineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let maxBytes: Int
  /// How much of the line came so far, nil once it is over.
  private var lineBytes: Int? = 0
  /// While the decoder reads the bytes that a request begins with: these.
  private var beginning: ByteBuffer?

  init(maxBytes: Int) {
    self.maxBytes = maxBytes
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let before = self.lineBytes else { return context.fireChannelRead(data) }
    let bytes = self.unwrapInboundIn(data)
    let view = bytes.readableBytesView
    let end = view.firstIndex(of: UInt8(ascii: "\n"))
    let count = before + (end ?? view.endIndex) - view.startIndex
    self.lineBytes = end == nil || count > self.maxBytes ? count : nil
    guard count <= self.maxBytes else {
      return context.fireErrorCaught(HTTPProblem.targetTooLong(maxBytes: self.maxBytes))
    }
    if before == 0 { self.beginning = bytes }
    context.fireChannelRead(data)
    self.beginning = nil
  }

  /// A request has been read to its end, what comes next begins another.
  func startNext() {
    self.lineBytes = 0
  }

  /// The method of the line that the decoder is reading, when the line is one of HTTP/1.
  var method: String? {
    guard let view = self.beginning?.readableBytesView else { return nil }
    let words = String(decoding: view.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      .split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { return nil }
    return HTTPRequest.Method(String(words[0]))?.rawValue
  }
}
