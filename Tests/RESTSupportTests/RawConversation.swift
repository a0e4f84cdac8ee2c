import NIOCore
import NIOPosix

/// One connection to `port`: sends each text and reads on until the words that it names have come,
/// or to the end of the connection when it names none.
///
/// - Returns: everything that was read.
func converse(port: Int, _ steps: [(send: String, await: String?)]) async throws -> String {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    var text = ""
    var parts = inbound.makeAsyncIterator()
    for step in steps {
      if !step.send.isEmpty { try await outbound.write(ByteBuffer(string: step.send)) }
      let known = text.utf8.count
      while step.await.map({ !text.utf8.dropFirst(known).contains($0) }) ?? true {
        guard let part = try await parts.next() else { return text }
        text += String(buffer: part)
      }
    }
    return text
  }
}

extension Sequence<UInt8> {
  fileprivate func contains(_ words: String) -> Bool {
    String(decoding: Array(self), as: UTF8.self).contains(words)
  }
}
