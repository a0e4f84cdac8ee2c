import Contracts
import Foundation
import FramedRPC
import Storage

/// The files of one service in a backup.
package struct BackupTarget: Sendable {
  private let folder: String
  private let service: String

  package init(folder: String, service: String) {
    self.folder = folder
    self.service = service
  }

  package var database: String { "\(self.folder)/\(self.service).sqlite" }
  private var mark: String { HighWaterMark.path(ofDatabase: self.database) }

  /// Names are personal data: nobody else may read them, nor put links where they are written.
  ///
  /// - Throws: ``RPCError`` of ``RPCStatus/invalidArgument``.
  static func check(_ folder: String) throws(RPCError) {
    let attributes = try? FileManager.default.attributesOfItem(atPath: folder)
    guard folder.hasPrefix("/"), let attributes,
      attributes[.type] as? FileAttributeType == .typeDirectory,
      attributes[.ownerAccountID] as? NSNumber == NSNumber(value: geteuid()),
      let permissions = attributes[.posixPermissions] as? NSNumber,
      permissions.intValue & 0o077 == 0
    else {
      throw RPCError(
        .invalidArgument,
        "the folder must be there, by an absolute path, and be of the service's user alone (0700)",
        reason: "backup-folder")
    }
  }

  /// Makes the database's file, and writes over none.
  package func makeEmpty() throws(StorageError) {
    try Durable.makeNew(self.database)
  }

  /// Once the database is written: writes the mark, and forces the folder to disk.
  package func finish(mark: ChainLink) throws -> [AdminV1.CopiedFile] {
    try HighWaterMark.write(mark, path: self.mark)
    try Durable.sync(self.folder)
    return try [self.database, self.mark].map { path in
      let digest = try FileDigest(ofFile: path)
      return AdminV1.CopiedFile(
        name: String(path.dropFirst(self.folder.count + 1)), bytes: digest.bytes,
        digest: digest.digest)
    }
  }
}
