import FramedRPC
import NIOCore

/// However the bytes are cut on their way, they are the same frames, and these are the bytes.
func fuzzFrames(_ input: Input) {
  var input = input
  let step = input.choice() + 1
  let limit = input.choice() << 12
  let bytes = input.array
  let whole = Parsed(bytes, step: max(bytes.count, 1), limit: limit)
  let pieces = Parsed(bytes, step: step, limit: limit)
  require(whole.frames == pieces.frames, "frames depend on how their bytes were cut")
  require(whole.violation == pieces.violation, "refusal depends on how the bytes were cut")
  var again = ByteBuffer()
  for frame in whole.frames {
    require(
      frame.body.readableBytes <= FrameHeader.limit(limit), "a frame is larger than the limit")
    frame.header.write(into: &again)
    again.writeImmutableBuffer(frame.body)
  }
  require(bytes.starts(with: again.readableBytesView), "a frame does not have its own bytes")
  boundedHeap(bytes: bytes.count, floor: 1024) {
    _ = Parsed(bytes, step: step, limit: limit, keepsFrames: false)
  }
}

private struct Parsed {
  private(set) var frames: [Frame] = []
  private(set) var violation: ProtocolViolation?

  init(_ bytes: [UInt8], step: Int, limit: Int, keepsFrames: Bool = true) {
    var parser = FrameParser(maxFrameBytes: limit)
    do throws(ProtocolViolation) {
      var start = 0
      while start < bytes.count {
        let end = min(start + step, bytes.count)
        parser.append(ByteBuffer(bytes: bytes[start..<end]))
        start = end
        while let frame = try parser.next() {
          if keepsFrames { self.frames.append(frame) }
        }
      }
    } catch {
      self.violation = error
    }
  }
}

/// What HELLO, SETTINGS and GOAWAY say is said again in the same way.
func fuzzHandshake(_ input: Input) {
  var input = input
  let choice = input.choice() % 3
  let body = input.buffer
  boundedHeap(bytes: body.readableBytes, floor: 1024) {
    do {
      switch choice {
      case 0: _ = try Hello(from: body)
      case 1: _ = try Settings(from: body)
      default: _ = try GoAway(from: body)
      }
    } catch {}
  }
  switch choice {
  case 0: survives(body, after: Handshake.magic.count, Hello.init(from:)) { $0.write(into: &$1) }
  case 1: survives(body, after: 0, Settings.init(from:)) { $0.write(into: &$1) }
  default:
    // A longer text is cut when it is written; what was no UTF-8 has become longer.
    guard let goAway = try? GoAway(from: body), goAway.message.utf8.count <= 512 else { return }
    survives(body, after: 0, GoAway.init(from:)) { $0.write(into: &$1) }
  }
}

private func survives<Value: Equatable>(
  _ body: ByteBuffer, after prefix: Int, _ read: (ByteBuffer) throws -> Value,
  _ write: (Value, inout ByteBuffer) -> Void
) {
  guard let value = try? read(body) else { return }
  var bytes = ByteBuffer()
  write(value, &bytes)
  bytes.moveReaderIndex(forwardBy: prefix)
  let header = FrameHeader(in: bytes, at: bytes.readerIndex)
  bytes.moveReaderIndex(forwardBy: FrameHeader.byteCount)
  require(Int(header.length) == bytes.readableBytes, "the header has another length")
  guard let again = try? read(bytes) else {
    fatalError("FINDING: \(value) cannot be read again")
  }
  require(again == value, "\(value) became \(again)")
}

/// Metadata that is read is written as the same bytes, and is what `append` would have allowed.
func fuzzMetadata(_ input: Input) {
  let bytes = input.buffer
  // Each of 64 entries may have four bytes, and is two blocks of heap.
  boundedHeap(bytes: bytes.readableBytes, floor: 8 * 1024) {
    var body = bytes
    _ = try? RPCMetadata(from: &body)
  }
  var body = bytes
  guard let metadata = try? RPCMetadata(from: &body) else { return }
  var again = ByteBuffer()
  metadata.write(into: &again)
  let read = bytes.getSlice(at: bytes.readerIndex, length: body.readerIndex - bytes.readerIndex)
  require(again == read, "\(metadata) has other bytes")
  var built = RPCMetadata()
  do {
    for entry in metadata.entries {
      try built.append(entry.key, entry.value)
    }
  } catch {
    fatalError("FINDING: metadata was read that cannot be made: \(error)")
  }
  require(built == metadata, "\(metadata) became \(built)")
}
