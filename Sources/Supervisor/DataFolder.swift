import Glibc

/// The folder of a running system: made when it is missing, and used by one supervisor at a time.
package final class DataFolder: Sendable {
  package struct Unusable: Error, CustomStringConvertible {
    package let description: String
  }

  /// Longest path of a Unix socket: `sun_path` of unix(7), with its NUL.
  private static let maxSocketPathBytes = 107

  package let path: String
  private let lock: Int32

  /// Makes the folder and locks it until this process ends.
  package init(_ path: String) throws(Unusable) {
    try Self.make(path)
    let lockPath = "\(path)/supervisor.lock"
    let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard lock >= 0 else {
      throw Unusable(
        description: "the data folder '\(path)' cannot be written: \(Self.reason()); "
          + "give another one by --data")
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      let owner = Self.owner(lock)
      close(lock)
      throw Unusable(
        description: "another 'sugang up' (process \(owner)) uses the data folder '\(path)'; "
          + "stop it, or give another folder by --data and other ports by --port-offset")
    }
    let pid = "\(getpid())\n"
    ftruncate(lock, 0)
    pwrite(lock, pid, pid.utf8.count, 0)
    self.path = path
    self.lock = lock
  }

  deinit {
    close(self.lock)
  }

  /// Where the supervisor of `folder` listens.
  package static func socketPath(in folder: String) throws(Unusable) -> String {
    let path = "\(folder)/supervisor.sock"
    guard path.utf8.count <= self.maxSocketPathBytes else {
      throw Unusable(
        description: "'\(path)' is too long for a socket (\(self.maxSocketPathBytes) bytes); "
          + "give a shorter --data, or one relative to the current folder")
    }
    return path
  }

  private static func make(_ path: String) throws(Unusable) {
    var folder = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      folder += folder.isEmpty || folder.hasSuffix("/") ? part : "/\(part)"
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
        throw Unusable(
          description: "the data folder '\(path)' cannot be made: \(Self.reason()); "
            + "give another one by --data")
      }
    }
  }

  private static func reason() -> String {
    String(cString: strerror(errno))
  }

  private static func owner(_ lock: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = pread(lock, &bytes, bytes.count, 0)
    let digits = bytes.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: "\n") }
    return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
  }
}
