package import NIOCore

/// The 16 bytes that open every frame, little-endian:
///
/// ```
///  0  u32 length   bytes after the header, at most 2^24 - 1
///  4  u8  type
///  5  u8  flags
///  6  u16 code     REQUEST: method slot.  RESPONSE, RESET: status (low byte), sub-reason (high)
///  8  u32 stream   20-bit slot, 12-bit generation
/// 12  u32 aux      REQUEST: remaining deadline in us.  RESPONSE: server time in us
/// ```
package struct FrameHeader: Hashable, Sendable {
  package static let byteCount = 16
  /// What 24 bits can say; byte 3 of every frame is 0.
  package static let maxLength = 0xFF_FFFF
  /// Every endpoint accepts bodies of this size: a client may send them before it has read the
  /// server's SETTINGS, and a handshake and an error always fit.
  package static let minLimit = 64 * 1024

  /// A wish for the largest body, within what the protocol allows.
  package static func limit(_ bytes: Int) -> Int {
    min(max(bytes, Self.minLimit), Self.maxLength)
  }

  package var length: UInt32
  package var type: FrameType
  package var flags: FrameFlags
  package var code: UInt16
  package var stream: StreamID
  package var aux: UInt32

  package init(
    length: Int = 0, type: FrameType, flags: FrameFlags = [], code: UInt16 = 0,
    stream: StreamID = .connection, aux: UInt32 = 0
  ) {
    self.length = UInt32(length)
    self.type = type
    self.flags = flags
    self.code = code
    self.stream = stream
    self.aux = aux
  }

  /// Of RESPONSE and RESET; a number that is not known is read as UNKNOWN.
  var status: RPCStatus { RPCStatus(rawValue: UInt8(self.code & 0xFF)) ?? .unknown }

  /// Reads a header that begins at `index`, which must have 16 readable bytes.
  package init(in buffer: ByteBuffer, at index: Int) {
    let (first, second) = buffer.withUnsafeReadableBytes { bytes in
      let offset = index - buffer.readerIndex
      return (
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
      )
    }
    self.length = UInt32(truncatingIfNeeded: first)
    self.type = FrameType(rawValue: UInt8(truncatingIfNeeded: first >> 32))
    self.flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: first >> 40))
    self.code = UInt16(truncatingIfNeeded: first >> 48)
    self.stream = StreamID(rawValue: UInt32(truncatingIfNeeded: second))
    self.aux = UInt32(truncatingIfNeeded: second >> 32)
  }

  /// Appends the 16 bytes.
  package func write(into buffer: inout ByteBuffer) {
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.byteCount) { output in
      self.write(to: output)
      return Self.byteCount
    }
  }

  /// Appends the 16 bytes and `body` behind them, at once: each write to a buffer costs as much as
  /// the copy of a small message.
  package func write(into buffer: inout ByteBuffer, body: ByteBuffer) {
    let bytes = Self.byteCount + body.readableBytes
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes) { output in
      self.write(to: output)
      body.withUnsafeReadableBytes {
        UnsafeMutableRawBufferPointer(rebasing: output[Self.byteCount...]).copyMemory(from: $0)
      }
      return bytes
    }
  }

  /// As two words: the fields one by one cost three times as much.
  private func write(to output: UnsafeMutableRawBufferPointer) {
    let first =
      UInt64(self.length) | UInt64(self.type.rawValue) << 32 | UInt64(self.flags.rawValue) << 40
      | UInt64(self.code) << 48
    let second = UInt64(self.stream.rawValue) | UInt64(self.aux) << 32
    output.storeBytes(of: first.littleEndian, toByteOffset: 0, as: UInt64.self)
    output.storeBytes(of: second.littleEndian, toByteOffset: 8, as: UInt64.self)
  }
}

package struct FrameType: Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  package static let hello = FrameType(rawValue: 0x01)
  package static let settings = FrameType(rawValue: 0x02)
  package static let request = FrameType(rawValue: 0x03)
  package static let response = FrameType(rawValue: 0x04)
  package static let reset = FrameType(rawValue: 0x05)
  package static let ping = FrameType(rawValue: 0x06)
  package static let pong = FrameType(rawValue: 0x07)
  package static let goAway = FrameType(rawValue: 0x08)
  package static let data = FrameType(rawValue: 0x09)
  package static let window = FrameType(rawValue: 0x0A)
  package static let drain = FrameType(rawValue: 0x8B)

  /// A peer may skip a frame whose type it does not know when bit 7 is set.
  package var isIgnorable: Bool { self.rawValue & 0x80 != 0 }
}

package struct FrameFlags: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// A message follows, even when it has no bytes.
  package static let message = FrameFlags(rawValue: 0x01)
  /// The last frame of this direction of the call.
  package static let end = FrameFlags(rawValue: 0x02)
  /// The message goes on in the next DATA frame of the call.
  package static let more = FrameFlags(rawValue: 0x04)
  /// The body begins with metadata.
  package static let metadata = FrameFlags(rawValue: 0x08)

  /// What a frame of `type` may have; the others are refused, since they would change the body's
  /// meaning.
  package static func allowed(in type: FrameType) -> FrameFlags {
    switch type {
    case .request, .response: [.message, .end, .metadata]
    case .data: [.message, .end, .more, .metadata]
    default: []
    }
  }
}

/// A call's place on its connection: an index that is used again, and a generation that tells the
/// uses apart.
package struct StreamID: Hashable, Sendable {
  package static let slotBits: UInt32 = 20
  package static let maxSlots = 1 << 20
  package static let connection = StreamID(rawValue: 0)

  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// - Parameters:
  ///   - slot: below ``maxSlots``.
  ///   - generation: its low 12 bits count.
  package init(slot: Int, generation: UInt32) {
    self.rawValue = UInt32(slot) | (generation << Self.slotBits)
  }

  package var slot: Int { Int(self.rawValue & (1 << Self.slotBits - 1)) }
  package var generation: UInt32 { self.rawValue >> Self.slotBits }
}

/// The high byte of `code` in RESPONSE and RESET.
package struct SubReason: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// The call had no effect: sending it again is safe.
  package static let notProcessed = SubReason(rawValue: 0x01)
  /// The server has too much to do.
  package static let overloaded = SubReason(rawValue: 0x02)
  /// Sending it again is of no use.
  package static let doNotRetry = SubReason(rawValue: 0x04)

  package init(_ error: RPCError) {
    self = error.notProcessed ? .notProcessed : []
    if error.overloaded { self.insert(.overloaded) }
    if error.doNotRetry { self.insert(.doNotRetry) }
  }
}
