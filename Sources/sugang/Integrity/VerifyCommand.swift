import ArgumentParser
import SugangServices

/// `sugang verify`: looks for damage.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Look for damage in the data of a stopped system, or in a backup.",
    discussion: """
      Looks at the files as SQLite does, at the hash of every event, at the marks of
      what was committed, at how far each service says it has taken another's
      events, and at whether payments, classes, points and gifts are what the events
      say. The exit code is 0 when all is well, else 1. Nothing is changed.

      Examples:
        sugang verify
        sugang verify --data backups/monday
      """)

  @Option(
    help: ArgumentHelp(
      "A data folder or a backup (SUGANG_DATA; default: data).", valueName: "folder"))
  var data: String?

  func run() throws {
    try FolderAudit(self.data ?? Environment["SUGANG_DATA"] ?? "data", clock: SystemWallClock())
      .report()
  }
}
