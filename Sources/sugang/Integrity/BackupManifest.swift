import Contracts
import Foundation
import JSON
import Storage

/// What a backup consists of; written last, so that a folder without it is no backup.
struct BackupManifest: Hashable {
  struct File: Hashable {
    /// In the folder of the backup: `pay.sqlite`.
    let name: String
    let digest: FileDigest
  }

  static let fileName = "manifest.json"
  private static let format: Int64 = 1

  /// RFC 3339, UTC.
  let madeAt: String
  /// By name.
  let files: [File]

  init(madeAt: String, files: [File]) {
    self.madeAt = madeAt
    self.files = files.sorted { $0.name < $1.name }
  }

  static func path(in folder: String) -> String { "\(folder)/\(Self.fileName)" }

  static func isBackup(_ folder: String) -> Bool {
    FileManager.default.fileExists(atPath: Self.path(in: folder))
  }

  private var json: JSONValue {
    [
      "format": .integer(Self.format), "madeAt": .string(self.madeAt),
      "files": .array(
        self.files.map { file in
          [
            "name": .string(file.name), "bytes": .integer(file.digest.bytes),
            "sha256": .string(Hex.text(file.digest.digest)),
          ]
        }),
    ]
  }

  func write(to folder: String) throws {
    let path = Self.path(in: folder)
    try Data((self.json.text(.pretty) + "\n").utf8)
      .write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
    try Durable.sync(path)
    try Durable.sync(folder)
  }

  /// - Throws: ``CommandFailure``.
  init(of folder: String) throws(CommandFailure) {
    guard let bytes = FileManager.default.contents(atPath: Self.path(in: folder)) else {
      throw CommandFailure(
        "'\(folder)' is no backup: it has no \(Self.fileName), which is written last")
    }
    guard let json = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)),
      json["format"]?.int64 == Self.format, let madeAt = json["madeAt"]?.string,
      let files = json["files"]?.array?.map(File.init), files.allSatisfy({ $0 != nil })
    else {
      throw CommandFailure("the \(Self.fileName) of '\(folder)' cannot be read")
    }
    self.init(madeAt: madeAt, files: files.compactMap(\.self))
  }

  /// What the files in `folder` are not as they should be; empty when all are.
  func problems(in folder: String) -> [String] {
    self.files.compactMap { file in
      do {
        let found = try FileDigest(ofFile: "\(folder)/\(file.name)")
        if found == file.digest { return nil }
        guard found.bytes == file.digest.bytes else {
          return "\(file.name) has \(found.bytes) bytes, not \(file.digest.bytes)"
        }
        return "\(file.name) has another SHA-256 than when it was written"
      } catch {
        return "\(file.name) cannot be read"
      }
    }
  }
}

extension BackupManifest.File {
  /// As a service told of it.
  init(_ file: AdminV1.CopiedFile) {
    self.init(name: file.name, digest: FileDigest(bytes: file.bytes, digest: file.digest))
  }

  fileprivate init?(_ json: JSONValue) {
    guard let name = json["name"]?.string, !name.contains("/"), !name.hasPrefix("."),
      !name.isEmpty, let bytes = json["bytes"]?.int64,
      let digest = json["sha256"]?.string.flatMap({ Hex.bytes($0) }), digest.count == 32
    else { return nil }
    self.init(name: name, digest: FileDigest(bytes: bytes, digest: digest))
  }
}
