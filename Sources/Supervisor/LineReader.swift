import NIOCore
import NIOPosix

/// Reads a child's output line by line.
package enum LineReader {
  /// Calls `receive` with each line of `descriptor`, which it owns from now on.
  ///
  /// - Returns: completed when the other end has closed.
  package static func read(
    _ descriptor: Int32, on group: any EventLoopGroup,
    receive: @escaping @Sendable (String) -> Void
  ) async throws -> EventLoopFuture<Void> {
    let channel = try await NIOPipeBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(LineHandler(receive: receive))
        }
      }
      .takingOwnershipOfDescriptor(input: descriptor).get()
    return channel.closeFuture
  }
}

/// Cuts bytes into lines; what a process wrote last counts as a line without its end.
private final class LineHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// A longer line is passed on in pieces.
  private static let maxLineBytes = 64 * 1024

  private let receive: @Sendable (String) -> Void
  private var partial = ByteBuffer()

  init(receive: @escaping @Sendable (String) -> Void) {
    self.receive = receive
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = self.unwrapInboundIn(data)
    self.partial.writeBuffer(&bytes)
    while let end = self.partial.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
      let line = self.partial.readString(length: end - self.partial.readerIndex)
      self.partial.moveReaderIndex(forwardBy: 1)
      self.receive(line ?? "")
    }
    if self.partial.readableBytes > Self.maxLineBytes {
      self.flush()
    }
    self.partial.discardReadBytes()
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.flush()
  }

  private func flush() {
    guard self.partial.readableBytes > 0 else { return }
    self.receive(String(buffer: self.partial))
    self.partial.clear()
  }
}
