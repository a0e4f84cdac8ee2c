import Crypto
import Foundation

/// What a file is known by in a backup.
package struct FileDigest: Hashable, Sendable {
  package let bytes: Int64
  /// SHA-256, 32 bytes.
  package let digest: [UInt8]

  package init(bytes: Int64, digest: [UInt8]) {
    self.bytes = bytes
    self.digest = digest
  }

  /// Reads the whole file, a mebibyte at a time.
  package init(ofFile path: String) throws {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var hash = SHA256()
    var bytes: Int64 = 0
    while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
      hash.update(data: part)
      bytes += Int64(part.count)
    }
    self.init(bytes: bytes, digest: Array(hash.finalize()))
  }
}
