import Crypto

/// SHA-256 over the hash before it and a row, written so that no two rows read the same.
///
/// The row is the count of its values (4 bytes, most significant first), then each value: one byte
/// for its type, and an integer as 8 bytes, most significant first, or the count of bytes (8 bytes)
/// and the bytes of a text (UTF-8) or a blob. A value cannot pass for two, nor a text for a blob.
enum RowHash {
  static let byteCount = 32

  static func of(previous: [UInt8], sequence: Int64, _ values: some Sequence<SQLValue>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    bytes += previous
    let countAt = bytes.count
    bytes += [0, 0, 0, 0]
    self.write(.integer(sequence), to: &bytes)
    var count: UInt32 = 1
    for value in values {
      self.write(value, to: &bytes)
      count += 1
    }
    for index in 0..<4 {
      bytes[countAt + index] = UInt8(truncatingIfNeeded: count >> (24 - 8 * index))
    }
    return bytes.withUnsafeBytes { buffer in
      var hash = SHA256()
      hash.update(bufferPointer: buffer)
      return Array(hash.finalize())
    }
  }

  private static func write(_ value: SQLValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: bytes.append(0)
    case .integer(let value):
      bytes.append(1)
      self.write(UInt64(bitPattern: value), to: &bytes)
    case .text(let text):
      bytes.append(2)
      self.write(UInt64(text.utf8.count), to: &bytes)
      bytes += text.utf8
    case .blob(let blob):
      bytes.append(3)
      self.write(UInt64(blob.count), to: &bytes)
      bytes += blob
    }
  }

  private static func write(_ number: UInt64, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
  }
}
