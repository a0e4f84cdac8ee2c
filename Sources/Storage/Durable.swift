import Foundation

/// Forces files and folders to disk.
package enum Durable {
  /// - Throws: ``StorageError/cannotOpen(path:reason:)``.
  package static func sync(_ path: String) throws(StorageError) {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .cannotOpen(path: path, reason: String(cString: strerror(errno))) }
    defer { close(file) }
    guard fsync(file) == 0 else {
      throw .cannotOpen(path: path, reason: "fsync: \(String(cString: strerror(errno)))")
    }
  }

  /// Makes an empty file that only this user may read, and writes over none.
  ///
  /// - Throws: ``StorageError/cannotOpen(path:reason:)``.
  package static func makeNew(_ path: String) throws(StorageError) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .cannotOpen(path: path, reason: String(cString: strerror(errno))) }
    close(file)
  }
}
