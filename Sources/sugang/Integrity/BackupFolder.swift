import Foundation
import Storage

/// A new folder for data, of this user alone.
enum BackupFolder {
  /// - Returns: its absolute path.
  /// - Throws: ``CommandFailure`` for one that has something in it.
  static func make(_ path: String) throws(CommandFailure) -> String {
    let manager = FileManager.default
    let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
    if let found = try? manager.contentsOfDirectory(atPath: absolute), !found.isEmpty {
      throw CommandFailure("'\(path)' is not empty; give a new folder")
    }
    do {
      try manager.createDirectory(
        atPath: absolute, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: absolute)
    } catch {
      throw CommandFailure("the folder '\(path)' cannot be made: \(error.localizedDescription)")
    }
    return absolute
  }

  /// RFC 3339, UTC.
  static func now() -> String { Date().ISO8601Format() }
}
