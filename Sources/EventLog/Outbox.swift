import Contracts
import Kernel
import Storage
import Synchronization

/// The events of one service, in the order in which they became true.
///
/// An event is a row of the transaction that made it true (traps T3, T4); its sequence is gapless,
/// since one writer appends and nothing is ever deleted.
package final class Outbox: Sendable {
  /// The log itself; each row holds the hash of the one before it.
  package static let table = ChainedTable(
    "outbox",
    columns: [
      "type", "version", "subject", "time", "correlation_id", "causation_id", "trace_context",
      "data",
    ])

  /// Whose events these are: `pay`.
  package let source: String
  let signal: CommitSignal
  private let database: any TransactionalDatabase
  private let hasAppended = Mutex(false)

  /// - Parameter database: has ``EventLogSchema/migrations``.
  package init(source: String, database: any TransactionalDatabase) {
    self.source = source
    self.database = database
    self.signal = CommitSignal()
    // Weak: the database keeps its hooks, and must not live as long as they do.
    database.afterCommit { [weak self] in self?.committed() }
  }

  /// Adds an event to the transaction of `connection`.
  ///
  /// - Throws: ``UntellableEvent`` for an event that no answer of the feed could carry: once in the
  ///   log, it would end every fetch for good.
  package func append(_ event: OutgoingEvent, in connection: any SQLConnection) throws {
    try event.checkTexts()
    try Self.table.append(
      [
        .text(event.type), .integer(Int64(event.version)), .text(event.subject),
        .integer(event.time.microseconds), .text(event.correlationID), .text(event.cause.id),
        .text(event.traceContext), .blob(event.data),
      ], in: connection)
    self.hasAppended.withLock { $0 = true }
  }

  /// On the writer's thread, so that flag and commit belong together: an event that was rolled
  /// back costs one wake-up in vain.
  private func committed() {
    let hasNews = self.hasAppended.withLock { flag in
      defer { flag = false }
      return flag
    }
    if hasNews {
      self.signal.raise()
    }
  }

  /// What a reader finds after a sequence.
  package struct Slice: Sendable {
    package let logID: String
    package let events: [EventsV1.Event]
    /// Every wanted event up to this sequence is in `events`.
    package let through: Int64
    /// The last of the log.
    package let lastSequence: Int64
  }

  /// The committed events after `sequence`, at most `limit`.
  ///
  /// Every row that is looked at is verified, also one of a type that is not wanted: its type may be
  /// what is damaged.
  ///
  /// - Parameters:
  ///   - types: the wanted ones; none means all.
  ///   - window: how many sequences are looked at, at most.
  /// - Throws: ``ChainDamage``: nothing behind the damage is handed out. ``StorageError``.
  package func events(
    after sequence: Int64, limit: Int, types: [String] = [], lookingAt window: Int = .max
  ) async throws -> Slice {
    let source = self.source
    return try await self.database.read { connection in
      let logID = try connection.row("SELECT log_id FROM outbox_log")?.text(0) ?? ""
      let last = try connection.integer("SELECT max(sequence) FROM outbox") ?? 0
      guard last > sequence else {
        return Slice(logID: logID, events: [], through: last, lastSequence: last)
      }
      let end = last - sequence > Int64(window) ? sequence + Int64(window) : last
      var events: [EventsV1.Event] = []
      let looked = try Self.verified(after: sequence, through: end, limit, in: connection) { row in
        if types.isEmpty || types.contains(row.text(1)) {
          events.append(Self.event(row, source, logID))
        }
        return events.count < limit
      }
      return Slice(logID: logID, events: events, through: looked, lastSequence: last)
    }
  }

  /// Walks over rows behind one whose own hash is not verified yet.
  private static func verified(
    after sequence: Int64, through end: Int64, _ limit: Int, in connection: any SQLConnection,
    _ body: (SQLRow) throws -> Bool
  ) throws -> Int64 {
    guard let start = try self.table.link(at: sequence, in: connection) else {
      throw ChainDamage(table: self.table.name, sequence: sequence, kind: .missing)
    }
    do {
      return try self.table.walk(
        after: start, through: end, in: connection, rowsAtOnce: min(max(limit, 32), 256), body
      ).sequence
    } catch let damage as ChainDamage {
      // A wrong hash in the row before shows in this one: name the right one.
      if damage.sequence == sequence + 1, damage.kind == .altered, sequence > 0,
        let before = try self.table.link(at: sequence - 1, in: connection)
      {
        try self.table.walk(after: before, through: sequence, in: connection)
      }
      throw damage
    }
  }

  private static func event(_ row: SQLRow, _ source: String, _ logID: String) -> EventsV1.Event {
    EventsV1.Event(
      id: "\(source)-\(logID)-\(row.integer(0))", type: row.text(1),
      version: Int32(clamping: row.integer(2)), source: source, subject: row.text(3),
      sequence: row.integer(0), time: Timestamp(microseconds: row.integer(4)).rfc3339,
      correlationID: row.text(5), causationID: row.text(6), traceContext: row.text(7),
      data: row.blob(8))
  }
}
