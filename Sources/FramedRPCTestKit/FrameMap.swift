import FramedRPC
import NIOCore

/// Follows a stream of bytes and knows which of them are frame headers.
struct FrameMap {
  private enum Place {
    /// So many bytes of the magic are to come.
    case magic(Int)
    /// So many bytes of a header have come, and the length they say so far.
    case header(Int, length: Int)
    /// So many bytes of a body are to come.
    case body(Int)
  }

  private var place: Place

  init(direction: FaultPlan.Direction) {
    self.place =
      direction == .toServer ? .magic(Handshake.magic.count) : .header(0, length: 0)
  }

  /// Takes the next bytes.
  ///
  /// - Returns: the offsets of those that belong to a header or the magic.
  mutating func take(_ bytes: ByteBuffer) -> [Int] {
    var offsets: [Int] = []
    var offset = 0
    while offset < bytes.readableBytes {
      switch self.place {
      case .magic(let left):
        offsets.append(offset)
        self.place = left > 1 ? .magic(left - 1) : .header(0, length: 0)
      case .header(let seen, var length):
        offsets.append(offset)
        // The length is the first four bytes, little-endian.
        if seen < 4 {
          let byte = bytes.getInteger(at: bytes.readerIndex + offset, as: UInt8.self) ?? 0
          length |= Int(byte) << (8 * seen)
        }
        if seen + 1 < FrameHeader.byteCount {
          self.place = .header(seen + 1, length: length)
        } else {
          self.place = length > 0 ? .body(length) : .header(0, length: 0)
        }
      case .body(let left):
        let here = min(left, bytes.readableBytes - offset)
        self.place = left > here ? .body(left - here) : .header(0, length: 0)
        offset += here
        continue
      }
      offset += 1
    }
    return offsets
  }
}
