import Contracts
import EventLog
import Foundation
import Kernel
import Storage
import SugangServices

/// Looks at everything in a data folder or a backup that can be checked against something else.
struct FolderAudit {
  /// One thing that was looked at.
  struct Finding {
    let subject: String
    let check: String
    /// How much of it there is: `1204 events`.
    let extent: String
    /// The first thing that is wrong, or nil.
    let problem: String?
    /// What could not be looked at though nothing is wrong, or nil.
    var caveat: String?
  }

  /// A chain proves nothing about rows that were at its end.
  private static let noMark =
    "NOT KNOWN: no mark, so that events cut off at the end of the log would not be noticed"

  private let clock: any WallClock
  private(set) var findings: [Finding] = []
  /// The ends of the event logs that were read.
  private var logs: [String: (id: String, end: Int64)] = [:]

  /// - Throws: ``CommandFailure`` when the folder cannot be looked at.
  init(_ folder: String, clock: any WallClock) throws {
    self.clock = clock
    if BackupManifest.isBackup(folder) {
      let manifest = try BackupManifest(of: folder)
      self.add(
        BackupManifest.fileName, "files", "\(manifest.files.count) files",
        manifest.problems(in: folder).first)
    }
    let data = try StoppedData(folder)
    for (service, database) in data.databases {
      self.checkFile(service, database)
      self.checkChains(service, database)
    }
    for (service, database) in data.databases {
      self.checkCursors(service, database)
      self.checkCommands(service, database)
      self.checkState(service, database)
      self.checkLedger(service, database)
    }
    self.checkMoney(data)
  }

  var problems: [Finding] { self.findings.filter { $0.problem != nil } }

  /// Prints the table.
  ///
  /// - Throws: ``CommandFailure`` when something is wrong.
  func report() throws(CommandFailure) {
    var table = TextTable(("data", .left), ("check", .left), ("extent", .right), ("result", .left))
    for finding in self.findings {
      table.add(
        finding.subject, finding.check, finding.extent,
        finding.problem.map { "WRONG: \($0)" } ?? finding.caveat ?? "ok")
    }
    Console.print(table.text)
    let problems = self.problems
    guard problems.isEmpty else {
      throw CommandFailure(
        """
        \(problems.count) of \(self.findings.count) checks found damage
          keep the folder as it is, and restore a backup by 'sugang restore'
        """)
    }
  }

  private mutating func add(
    _ subject: String, _ check: String, _ extent: String, _ problem: String?,
    caveat: String? = nil
  ) {
    self.findings.append(
      Finding(
        subject: subject, check: check, extent: extent, problem: problem, caveat: caveat))
  }

  /// Looks; what cannot be read is a problem too.
  private mutating func look(
    _ service: ServiceName, _ check: String, _ body: () throws -> (String, String?)
  ) {
    do {
      let (extent, problem) = try body()
      self.add(service.rawValue, check, extent, problem)
    } catch {
      self.add(service.rawValue, check, "", "\(error)")
    }
  }

  private mutating func checkFile(_ service: ServiceName, _ database: OfflineDatabase) {
    self.look(service, "file") {
      let bytes = try FileManager.default.attributesOfItem(atPath: database.path)[.size]
      let problems = try database.problemsOfFile()
      return ("\((bytes as? Int ?? 0) / 1024) KiB", problems.first)
    }
  }

  private mutating func checkChains(_ service: ServiceName, _ database: OfflineDatabase) {
    let markPath = HighWaterMark.path(ofDatabase: database.path)
    var mark: ChainLink?
    switch HighWaterMark.read(markPath) {
    case .none: self.add(service.rawValue, "mark", "none", nil, caveat: Self.noMark)
    case .unreadable(let reason):
      self.add(service.rawValue, "mark", "", "\(markPath) cannot be read: \(reason)")
    case .link(let link):
      mark = link
      self.add(service.rawValue, "mark", "event \(link.sequence)", nil)
    }
    var log: (id: String, end: Int64)?
    for table in service.chainedTables {
      self.look(service, table.name) {
        try database.read { connection in
          let (end, damage) = try table.verify(
            in: connection, mark: table == Outbox.table ? mark : nil)
          if table == Outbox.table {
            let id = try connection.row("SELECT log_id FROM outbox_log")?.text(0) ?? ""
            log = (id, try table.end(in: connection).sequence)
          }
          return ("\(end.sequence) rows", damage.map { "\($0)" })
        }
      }
    }
    self.logs[service.rawValue] = log
  }

  private mutating func checkCursors(_ service: ServiceName, _ database: OfflineDatabase) {
    let logs = self.logs
    self.look(service, "cursors") {
      try database.read { connection in
        let cursors = try connection.rows(
          "SELECT source, log_id, sequence FROM inbox_cursor ORDER BY source")
        let problem = cursors.lazy.compactMap { row -> String? in
          guard let log = logs[row.text(0)] else {
            return "it took events of \(row.text(0)), whose log is not here"
          }
          guard row.text(1) == log.id else {
            return "it took events of another log of \(row.text(0)): \(row.text(1)), not \(log.id)"
          }
          guard row.integer(2) <= log.end else {
            return
              "it took \(row.text(0))'s events up to \(row.integer(2)), which end at \(log.end)"
          }
          return nil
        }.first
        return ("\(cursors.count) sources", problem)
      }
    }
  }

  /// A remembered answer is of a request, and of a time that has been.
  private mutating func checkCommands(_ service: ServiceName, _ database: OfflineDatabase) {
    // The machine that wrote it may have had another idea of the day.
    let tomorrow = self.clock.now().adding(seconds: 86_400).microseconds
    self.look(service, "commands") {
      try database.read { connection in
        let count = try connection.integer("SELECT count(*) FROM command") ?? 0
        let bad = try connection.row(
          """
          SELECT operation, created_at FROM command
          WHERE caller = '' OR operation = '' OR key = '' OR fingerprint = '' OR answer = ''
            OR created_at < 0 OR created_at > ? LIMIT 1
          """, [.integer(tomorrow)])
        return (
          "\(count) answers",
          bad.map { "an answer to \($0.text(0)), of \($0.integer(1)) µs, cannot be right" }
        )
      }
    }
  }

  private mutating func checkState(_ service: ServiceName, _ database: OfflineDatabase) {
    guard let audit = StateAudit(of: service) else { return }
    self.look(service, audit.table) {
      try database.read { try audit.compare(in: $0) }
    }
  }

  /// A ledger has no mark of its own: the rows that its lines belong to say what they come to.
  private mutating func checkLedger(_ service: ServiceName, _ database: OfflineDatabase) {
    let amounts: (row: String, line: String)
    switch service {
    case .point: amounts = ("cashpoint", "points")
    case .gift: amounts = ("giftstock", "gifts")
    default: return
    }
    let table = service.rawValue
    self.look(service, "\(table)_entry sums") {
      try database.read { connection in
        let count = try connection.integer("SELECT count(*) FROM \(table)") ?? 0
        let bad = try connection.row(
          """
          SELECT row.id, row.\(amounts.row), coalesce(sum(line.\(amounts.line)), 0)
          FROM \(table) AS row LEFT JOIN \(table)_entry AS line
            ON line.payment_id = row.payment_id
          WHERE row.status <> 'PENDING' GROUP BY row.id
          HAVING row.\(amounts.row) <> coalesce(sum(line.\(amounts.line)), 0) LIMIT 1
          """)
        return (
          "\(count) rows",
          bad.map {
            "\(table) \($0.integer(0)) is \($0.integer(1)), and its lines come to \($0.integer(2))"
          }
        )
      }
    }
  }

  private mutating func checkMoney(_ data: StoppedData) {
    let audit: MoneyAudit
    do {
      guard let made = try MoneyAudit(data.databases) else { return }
      audit = made
    } catch {
      return self.add(ServiceName.pay.rawValue, "books", "", "\(error)")
    }
    self.look(.class, "is paid") { try audit.classes() }
    for (service, table) in [(ServiceName.point, "point"), (.gift, "gift"), (.course, "delivery")]
    where data.databases.contains(where: { $0.service == service }) {
      self.look(service, "\(table) is paid") { try audit.effects(service, table: table) }
    }
  }
}
