import ArgumentParser
import JSON
import SugangServices

/// `sugang reconcile`: compares the books of the services of a running system.
struct ReconcileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile",
    abstract: "Compare the books of a running system's services, and mend what may be.",
    discussion: """
      Reads every class and payment, and what follows from them: deliveries, points,
      gifts, my pages. What is only on its way is no finding. --repair gives money
      back that nobody is in for, asks Pay once more for a class that was never
      paid, and lets services tell again what others have not heard or have lost.
      Differences of fee, course or student, two payments, and a payment that Pay
      has lost are for a person to look at.

      The exit code is 0 when nothing is found, or all of it is mended; else 1.

      Examples:
        sugang reconcile
        sugang reconcile --repair
        sugang reconcile --older-than 5m --json
      """)

  @Flag(help: "Mend what may be mended.")
  var repair = false

  @Option(
    help: ArgumentHelp("How long a class may be pending, such as 60s.", valueName: "time"))
  var olderThan = DurationArgument.seconds(60)

  @Option(
    help: ArgumentHelp(
      "How long an event may be on its way before what is missing is a finding.",
      valueName: "time"))
  var patience = DurationArgument.seconds(5)

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var running: RunningServices

  func run() async throws {
    let books = try RunningBooks(self.running)
    defer { books.close() }
    let reconciler = Reconciler(
      books: books, pendingLimit: self.olderThan.duration, patience: self.patience.duration,
      clock: SteadyWallClock())
    let found = try await reconciler.audit()
    var lines: [ReconcileReport.Line] = []
    if !found.cases.isEmpty {
      let causes = try await LikelyCause(books)
      for found in found.cases {
        let cause = try await causes.cause(of: found.books.classID)
        lines += found.findings.map { finding in
          ReconcileReport.Line(
            finding: finding, cause: cause, repairs: Repair.of(finding, in: found.books))
        }
      }
    }
    var totals = found.totals
    var left: [Reconciler.Case] = found.cases
    if self.repair, !found.cases.isEmpty {
      try await reconciler.repair(found.cases)
      let after = try await reconciler.audit()
      totals = after.totals
      left = after.cases
    }
    let report = ReconcileReport(
      lines: lines, totals: totals, left: self.repair ? left.flatMap(\.findings) : nil)
    Console.print(self.json ? report.json.text(.pretty) : report.text)
    guard left.isEmpty else {
      let count = left.reduce(0) { $0 + $1.findings.count }
      throw CommandFailure(
        self.repair ? "\(count) findings are left for a person" : "\(count) findings")
    }
  }
}
