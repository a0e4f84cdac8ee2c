import ArgumentParser
import EventLog
import Foundation
import Storage
import SugangServices

/// `sugang mark`: what was known to be committed.
struct MarkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mark",
    abstract: "Give up events that a service has lost, when there is no backup to restore.",
    subcommands: [MarkAcceptLossCommand.self])
}

/// `sugang mark accept-loss`: the way out when nothing better is left.
struct MarkAcceptLossCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept-loss",
    abstract: "Let a service start on a database that lost commits.",
    discussion: """
      A service does not start when its events end before what was committed, as its
      file NAME.sqlite.mark has it. Restoring a backup is the way back. Without one
      this command gives the lost commits up: payments, points and classes in them
      never were, though people were told so, and other services that took the lost
      events say so until they are restored too. The old mark is kept beside the new
      one. The numbers are those that the service told; they must be given, so that
      nobody does this by the way.

      Examples:
        sugang mark accept-loss pay --data data --from 1180 --to 1204
      """)

  @Argument(help: "The service whose database lost commits.")
  var service: ServiceName

  @Option(
    help: ArgumentHelp(
      "The data folder (SUGANG_DATA; default: data).", valueName: "folder"))
  var data: String?

  @Option(help: ArgumentHelp("The event that the log ends with.", valueName: "sequence"))
  var from: Int64

  @Option(help: ArgumentHelp("The last event that was committed.", valueName: "sequence"))
  var to: Int64

  func run() throws {
    let stopped = try StoppedData(self.data ?? Environment["SUGANG_DATA"] ?? "data")
    guard let database = stopped.databases.first(where: { $0.service == self.service })?.database
    else { throw CommandFailure("\(self.service.rawValue) has no data in '\(stopped.folder)'") }
    let path = HighWaterMark.path(ofDatabase: database.path)
    guard case .link(let mark) = HighWaterMark.read(path) else {
      throw CommandFailure("'\(path)' says nothing of lost commits; the service can start")
    }
    let end = try database.read { try Outbox.table.end(in: $0) }
    guard (end.sequence, mark.sequence) == (self.from, self.to) else {
      throw CommandFailure(
        "the events end at \(end.sequence), and \(mark.sequence) were committed; "
          + "give these numbers by --from and --to")
    }
    do {
      try FileManager.default.moveItem(atPath: path, toPath: "\(path).given-up-\(mark.sequence)")
      try HighWaterMark.write(end, path: path)
    } catch {
      throw CommandFailure("the mark cannot be written: \(error)")
    }
    Console.note("\(self.service.rawValue) goes on after event \(end.sequence)")
  }
}
