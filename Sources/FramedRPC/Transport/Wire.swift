package import NIOCore

/// Where a connection's bytes go: a socket, or the other end in the same process.
///
/// Called only on the event loop of the connection it serves.
package protocol Wire: AnyObject {
  /// Bytes written that have not left yet.
  var queuedBytes: Int { get }
  /// Sends bytes; they are not held back.
  func write(_ bytes: ByteBuffer)
  /// Sends two pieces, one behind the other, together.
  func write(_ head: ByteBuffer, _ body: ByteBuffer)
  /// Sends bytes, and says so once they have left this end, or never will.
  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void)
  /// Stops or resumes reading from the peer.
  func setReading(_ reading: Bool)
  /// Closes after what was written has left, or after `limit`, and then tells the connection; zero
  /// throws away what has not left. A second call can only shorten the time.
  func close(within limit: TimeAmount)
}

extension Wire {
  package func write(_ head: ByteBuffer, _ body: ByteBuffer) {
    self.write(head)
    self.write(body)
  }
}
