import Foundation
import Storage
import SugangServices
import Supervisor

/// The databases of a folder that nothing runs on: a system's that is stopped, or a backup.
final class StoppedData {
  let folder: String
  /// nil for a backup.
  private let lock: DataFolder?
  let isBackup: Bool
  /// The services that have a database here, and their databases.
  let databases: [(service: ServiceName, database: OfflineDatabase)]

  /// Keeps a system from starting on it for the life of this object.
  ///
  /// - Parameter left: Whose databases somebody else will open.
  /// - Throws: ``CommandFailure``, also for the folder of a running system.
  init(_ folder: String, leaving left: Set<ServiceName> = []) throws(CommandFailure) {
    let isBackup = BackupManifest.isBackup(folder)
    let services = ServiceDoors.withData.filter {
      FileManager.default.fileExists(atPath: Self.path(folder, $0))
    }
    guard !services.isEmpty else {
      throw CommandFailure("'\(folder)' has no data of a system; give its folder by --data")
    }
    self.folder = folder
    self.isBackup = isBackup
    do {
      self.lock = isBackup ? nil : try DataFolder(folder)
      self.databases = try services.filter { !left.contains($0) }.map { service in
        (
          service,
          try OfflineDatabase(path: Self.path(folder, service), locking: !isBackup)
        )
      }
    } catch let error as DataFolder.Unusable {
      throw CommandFailure("\(error.description)\n\(Self.advice)")
    } catch {
      throw Self.refusal(error)
    }
  }

  /// What to say when a database of a folder cannot be opened.
  static func refusal(_ error: any Error) -> CommandFailure {
    guard case .alreadyOpen = error as? StorageError else { return CommandFailure("\(error)") }
    return CommandFailure("\(error)\n\(Self.advice)")
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
