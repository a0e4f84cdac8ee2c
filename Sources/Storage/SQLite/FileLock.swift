import Foundation
import Synchronization

/// Keeps a second opener away from a database, in another process or in this one.
///
/// SQLite allows several processes on one file; this system must not (F10: two connections that
/// write or checkpoint at the same time can corrupt it). The kernel drops the lock with the
/// process, however it ends, so the file stays and is never stale.
final class FileLock: Sendable {
  private let descriptor: Mutex<Int32?>

  /// Takes the lock `<path>.lock` and writes this process's id into it.
  init(path: String) throws(StorageError) {
    // Closed on exec, so that no child process inherits the lock.
    let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .cannotOpen(path: path, reason: "no lock file: \(FileLock.lastError)")
    }
    // "LOCK_NB … EWOULDBLOCK: the file is locked"; the lock belongs to this open file, so another
    // `open` of the same process is refused as well.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      let reason = FileLock.lastError
      close(descriptor)
      guard code == EWOULDBLOCK else { throw .cannotOpen(path: path, reason: reason) }
      throw .alreadyOpen(path: path, processID: FileLock.holder(of: path))
    }
    let text = Array("\(getpid())\n".utf8)
    guard ftruncate(descriptor, 0) == 0, write(descriptor, text, text.count) == text.count else {
      let reason = FileLock.lastError
      close(descriptor)
      throw .cannotOpen(path: path, reason: "cannot write the lock file: \(reason)")
    }
    self.descriptor = Mutex(descriptor)
  }

  deinit { self.release() }

  func release() {
    self.descriptor.withLock { descriptor in
      if let open = descriptor {
        // Said outright: a child process that is just being started has a copy of the descriptor,
        // and would keep the lock until it runs its own program.
        flock(open, LOCK_UN)
        close(open)
      }
      descriptor = nil
    }
  }

  private static func holder(of path: String) -> Int32? {
    let bytes = FileManager.default.contents(atPath: path + ".lock") ?? Data()
    return Int32(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
  }

  private static var lastError: String { String(cString: strerror(errno)) }
}
