import ArgumentParser
import EventLog
import Storage
import SugangServices

/// `sugang backup`: a copy of all data, of one instant.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy the data of a running or a stopped system into a new folder.",
    discussion: """
      All services stop writing at the same instant, for as long as a few calls take
      and two seconds at most, and go on; then each writes what it had into the
      folder. The copy is verified. The services must run as the same user on the
      same machine, and the folder needs as much room as their data.

      Examples:
        sugang backup --to backups/monday
        sugang backup --data data --to backups/monday      of a stopped system
      """)

  @Option(help: ArgumentHelp("The folder to make.", valueName: "folder"))
  var to: String

  @Option(help: ArgumentHelp("The data of a system that does not run.", valueName: "folder"))
  var data: String?

  @OptionGroup var doors: ServiceDoors

  func run() async throws {
    let stopped = try self.data.map { try StoppedData($0) }
    let folder = try BackupFolder.make(self.to)
    let manifest =
      if let stopped {
        try Self.copy(stopped, to: folder)
      } else {
        try await RunningBackup(doors: self.doors).run(to: folder)
      }
    let problems = manifest.problems(in: folder)
    guard problems.isEmpty else {
      throw CommandFailure(
        "the backup is not good, and has no manifest: \(problems.joined(separator: "; "))")
    }
    try manifest.write(to: folder)
    try FolderAudit(folder, clock: SystemWallClock()).report()
    Console.note("the backup is in \(self.to); 'sugang restore' makes a data folder of it")
  }

  private static func copy(_ stopped: StoppedData, to folder: String) throws -> BackupManifest {
    var files: [BackupManifest.File] = []
    for (service, database) in stopped.databases {
      let target = BackupTarget(folder: folder, service: service.rawValue)
      do {
        try target.makeEmpty()
        try database.copy(to: target.database)
        let end = try database.read { try Outbox.table.end(in: $0) }
        files += try target.finish(mark: end).map(BackupManifest.File.init)
      } catch {
        throw CommandFailure("\(service.rawValue) cannot be copied: \(error)")
      }
    }
    return BackupManifest(madeAt: BackupFolder.now(), files: files)
  }
}
