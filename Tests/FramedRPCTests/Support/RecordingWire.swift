import FramedRPC
import NIOCore

/// A wire that leads nowhere and remembers what was sent.
final class RecordingWire: Wire {
  var queuedBytes = 0
  private(set) var isClosed = false
  /// How long the last bytes may take to leave.
  private(set) var closeLimit: TimeAmount?
  private(set) var isReading = true
  private(set) var writes: [ByteBuffer] = []
  private var whenWritten: [@Sendable () -> Void] = []

  func write(_ bytes: ByteBuffer) {
    self.writes.append(bytes)
  }

  func write(_ bytes: ByteBuffer, whenWritten: @escaping @Sendable () -> Void) {
    self.writes.append(bytes)
    self.whenWritten.append(whenWritten)
  }

  /// What was written has left.
  func drain() {
    let waiting = self.whenWritten
    self.whenWritten = []
    for tell in waiting {
      tell()
    }
  }

  func setReading(_ reading: Bool) {
    self.isReading = reading
  }

  func close(within limit: TimeAmount) {
    self.isClosed = true
    self.closeLimit = limit
  }

  /// What was sent since the last time, as frames; the magic is left out.
  func takeFrames() throws -> [Frame] {
    var parser = FrameParser(maxFrameBytes: FrameHeader.maxLength)
    for (index, write) in self.writes.enumerated() {
      var write = write
      if index == 0, write.getBytes(at: write.readerIndex, length: 8) == Handshake.magic {
        write.moveReaderIndex(forwardBy: 8)
      }
      parser.append(write)
    }
    self.writes = []
    var frames: [Frame] = []
    while let frame = try parser.next() {
      frames.append(frame)
    }
    return frames
  }
}
