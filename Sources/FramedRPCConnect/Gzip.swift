/// Why bytes cannot be decompressed.
enum GzipError: Error, Hashable {
  case truncated
  case malformed
  case wrongChecksum
  /// More than was allowed comes out.
  case tooLarge
}

extension GzipError: CustomStringConvertible {
  var description: String {
    switch self {
    case .truncated: "it ends too early"
    case .malformed: "it is not compressed by deflate"
    case .wrongChecksum: "its checksum is wrong"
    case .tooLarge: "it is too large"
    }
  }
}

/// RFC 1952, reading only.
///
/// Some Connect clients compress every request unless they are told not to. Messages have some
/// kilobytes, so this is written to be short and safe, not fast, and no C library is needed.
enum Gzip {
  /// - Parameter maxBytes: the most that may come out; it is never exceeded on the way.
  static func decompress(_ bytes: [UInt8], maxBytes: Int) throws(GzipError) -> [UInt8] {
    var output: [UInt8] = []
    var place = 0
    // A file may have several members, one after another.
    repeat {
      let start = try self.endOfHeader(bytes, at: place)
      var inflate = Inflate(bytes, at: start, maxBytes: maxBytes - output.count)
      try inflate.run()
      place = inflate.position + 8
      guard place <= bytes.count else { throw .truncated }
      guard
        self.littleEndian(bytes[(place - 8)..<(place - 4)]) == self.checksum(inflate.output),
        self.littleEndian(bytes[(place - 4)..<place])
          == UInt32(truncatingIfNeeded: inflate.output.count)
      else { throw .wrongChecksum }
      output += inflate.output
    } while place < bytes.count
    return output
  }

  private static let fixedHeaderBytes = 10

  private static func endOfHeader(_ bytes: [UInt8], at start: Int) throws(GzipError) -> Int {
    var place = start + self.fixedHeaderBytes
    guard place <= bytes.count else { throw .truncated }
    let flags = bytes[start + 3]
    guard bytes[start] == 0x1F, bytes[start + 1] == 0x8B, bytes[start + 2] == 8, flags & 0xE0 == 0
    else { throw .malformed }
    if flags & 0x04 != 0 {
      guard place + 2 <= bytes.count else { throw .truncated }
      place += 2 + Int(self.littleEndian(bytes[place..<(place + 2)]))
    }
    // The file's name and a comment, each with a zero at its end.
    for flag in [UInt8(0x08), 0x10] where flags & flag != 0 {
      guard place < bytes.count, let end = bytes[place...].firstIndex(of: 0) else {
        throw .truncated
      }
      place = end + 1
    }
    if flags & 0x02 != 0 { place += 2 }
    guard place <= bytes.count else { throw .truncated }
    return place
  }

  private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// CRC-32 of RFC 1952, section 8.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in
      self.checksums[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8
    }
  }

  private static let checksums: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
  }
}
