import NIOCore

extension ByteBuffer {
  /// The same bytes without the rest of the read that they came in: a small message that waits
  /// must not keep a large buffer alive.
  var keptApart: ByteBuffer {
    guard self.storageCapacity > 4 * self.readableBytes + 1024 else { return self }
    var copy = ByteBuffer()
    copy.writeImmutableBuffer(self)
    return copy
  }
}
