import FramedRPC
import NIOCore

extension ByteBuffer {
  /// Reads `0a 02 68 69`; anything but hexadecimal digits is left out.
  init(hex: String) {
    let digits = hex.compactMap(\.hexDigitValue)
    self.init(
      bytes: stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
      })
  }

  var array: [UInt8] { Array(self.readableBytesView) }
}

extension Frame {
  /// A frame with its length filled in.
  init(
    _ type: FrameType, flags: FrameFlags = [], code: UInt16 = 0, stream: StreamID = .connection,
    aux: UInt32 = 0, body: ByteBuffer = ByteBuffer()
  ) {
    self.init(
      header: FrameHeader(
        length: body.readableBytes, type: type, flags: flags, code: code, stream: stream, aux: aux),
      body: body)
  }

  var bytes: ByteBuffer {
    var buffer = ByteBuffer()
    self.header.write(into: &buffer)
    buffer.writeImmutableBuffer(self.body)
    return buffer
  }

  var status: RPCStatus? { RPCStatus(rawValue: UInt8(self.header.code & 0xFF)) }
  var isNotProcessed: Bool { self.header.code >> 8 & 1 == 1 }

  /// The text of an error without metadata.
  var text: String { String(decoding: self.body.readableBytesView, as: UTF8.self) }
}

extension StreamID {
  static func slot(_ slot: Int, _ generation: UInt32 = 0) -> StreamID {
    StreamID(slot: slot, generation: generation)
  }
}

/// Protobuf bytes written by hand, so that they may be wrong.
struct HandMade {
  private(set) var bytes: [UInt8] = []

  var buffer: ByteBuffer { ByteBuffer(bytes: self.bytes) }

  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      self.bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    self.bytes.append(UInt8(value))
  }

  mutating func field(_ number: UInt64, varint value: UInt64) {
    self.varint(number << 3)
    self.varint(value)
  }

  mutating func field(_ number: UInt64, bytes value: [UInt8]) {
    self.varint(number << 3 | 2)
    self.varint(UInt64(value.count))
    self.bytes += value
  }

  mutating func raw(_ bytes: [UInt8]) {
    self.bytes += bytes
  }

  static func make(_ write: (inout HandMade) -> Void) -> HandMade {
    var bytes = HandMade()
    write(&bytes)
    return bytes
  }
}
