import ArgumentParser
import Foundation
import Storage
import SugangServices

/// `sugang restore`: makes a data folder of a backup.
struct RestoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Make a data folder of a backup, after verifying it.",
    discussion: """
      All services go back to the instant of the backup together: restoring a single
      one would leave it behind what the others took from it. What was acknowledged
      after that instant is lost.

      Examples:
        sugang restore --from backups/monday --data data
      """)

  @Option(help: ArgumentHelp("The folder of the backup.", valueName: "folder"))
  var from: String

  @Option(help: ArgumentHelp("The folder to make, empty or new.", valueName: "folder"))
  var data: String

  func run() throws {
    let manifest = try BackupManifest(of: self.from)
    let problems = manifest.problems(in: self.from)
    guard problems.isEmpty else {
      throw CommandFailure(
        "the backup is damaged, nothing is restored: \(problems.joined(separator: "; "))")
    }
    try FolderAudit(self.from, clock: SystemWallClock()).report()
    let folder = try BackupFolder.make(self.data)
    for file in manifest.files {
      let target = "\(folder)/\(file.name)"
      do {
        try FileManager.default.copyItem(atPath: "\(self.from)/\(file.name)", toPath: target)
        try Durable.sync(target)
      } catch {
        throw CommandFailure("\(file.name) cannot be copied to '\(self.data)': \(error)")
      }
    }
    let failed = manifest.problems(in: folder)
    guard failed.isEmpty else {
      throw CommandFailure("the copy is not good: \(failed.joined(separator: "; "))")
    }
    try Durable.sync(folder)
    Console.note(
      """
      restored as of \(manifest.madeAt)
        'sugang up --data \(self.data)' starts on it
      """)
  }
}
