package import NIOCore

/// One frame: its header, and the bytes after it.
package struct Frame: Hashable, Sendable {
  package var header: FrameHeader
  package var body: ByteBuffer

  package init(header: FrameHeader, body: ByteBuffer) {
    self.header = header
    self.body = body
  }
}

/// Cuts a stream of bytes into frames, however the bytes were split on their way.
///
/// A frame that is over the limit is refused when its header is there, before a byte of its body is
/// kept.
package struct FrameParser {
  /// Largest body accepted, in bytes.
  private let maxFrameBytes: Int
  private var buffer = ByteBuffer()

  package init(maxFrameBytes: Int) {
    self.maxFrameBytes = FrameHeader.limit(maxFrameBytes)
  }

  /// Bytes of a frame whose rest has not arrived.
  package var hasPartialFrame: Bool { self.buffer.readableBytes > 0 }

  package mutating func append(_ bytes: ByteBuffer) {
    if self.buffer.readableBytes == 0 {
      self.buffer = bytes
    } else {
      self.buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The next whole frame, or nil until more bytes come.
  ///
  /// - Throws: ``ProtocolViolation``: the connection cannot go on.
  package mutating func next() throws(ProtocolViolation) -> Frame? {
    guard self.buffer.readableBytes >= FrameHeader.byteCount else {
      self.compact()
      return nil
    }
    let header = FrameHeader(in: self.buffer, at: self.buffer.readerIndex)
    try self.check(header)
    let total = FrameHeader.byteCount + Int(header.length)
    guard self.buffer.readableBytes >= total else {
      self.compact()
      return nil
    }
    self.buffer.moveReaderIndex(forwardBy: FrameHeader.byteCount)
    let body = self.buffer.readSlice(length: Int(header.length)) ?? ByteBuffer()
    return Frame(header: header, body: body)
  }

  /// What the answers of an HTTP server begin with, as the length of a frame: "HTTP".
  private static let http: UInt32 = 0x5054_5448

  private func check(_ header: FrameHeader) throws(ProtocolViolation) {
    guard header.length <= FrameHeader.maxLength else {
      if header.length == Self.http { throw .http }
      throw ProtocolViolation(.notFramedRPC, "byte 3 of a frame header is not 0")
    }
    guard header.length <= self.maxFrameBytes else {
      throw ProtocolViolation(
        .frameTooLarge,
        "a frame of \(header.length) bytes is over the limit of \(self.maxFrameBytes)")
    }
    guard
      FrameFlags.allowed(in: header.type).isSuperset(of: header.flags) || header.type.isIgnorable
    else {
      throw ProtocolViolation(
        .reservedFlag,
        "frame type \(header.type.rawValue) does not have flags \(header.flags.rawValue)")
    }
  }

  /// Lets go of the bytes already read, so that a long stream does not grow the buffer.
  private mutating func compact() {
    if self.buffer.readableBytes == 0 {
      self.buffer = ByteBuffer()
    } else {
      self.buffer.discardReadBytes()
    }
  }
}
