import Foundation
import Storage
import SugangServices
import Supervisor

/// The databases of a folder that nothing runs on: a system's that is stopped, or a backup.
final class StoppedData {
  let folder: String
  /// nil for a backup.
  private let lock: DataFolder?
  /// The services that have a database here, and their databases.
  let databases: [(service: ServiceName, database: OfflineDatabase)]

  /// Keeps a system from starting on it for the life of this object.
  ///
  /// - Throws: ``CommandFailure``, also for the folder of a running system.
  init(_ folder: String) throws(CommandFailure) {
    let isBackup = BackupManifest.isBackup(folder)
    let services = ServiceDoors.withData.filter {
      FileManager.default.fileExists(atPath: Self.path(folder, $0))
    }
    guard !services.isEmpty else {
      throw CommandFailure("'\(folder)' has no data of a system; give its folder by --data")
    }
    self.folder = folder
    do {
      self.lock = isBackup ? nil : try DataFolder(folder)
      self.databases = try services.map { service in
        (
          service,
          try OfflineDatabase(path: Self.path(folder, service), locking: !isBackup)
        )
      }
    } catch let error as DataFolder.Unusable {
      throw CommandFailure("\(error.description)\n\(Self.advice)")
    } catch {
      guard case .alreadyOpen = error as? StorageError else {
        throw CommandFailure("\(error)")
      }
      throw CommandFailure("\(error)\n\(Self.advice)")
    }
  }

  static func path(_ folder: String, _ service: ServiceName) -> String {
    "\(folder)/\(service.rawValue).sqlite"
  }

  /// One process to a database: SQLite can damage a file that two write or copy the log of (F10).
  private static let advice = """
      nothing else may open a running system's data: stop it first, or take a backup
      with 'sugang backup --to FOLDER' and verify that
    """
}
