import Logging
import Synchronization

/// A SQLite database in memory that works when it is told to, on the thread that tells it: the disk
/// of a simulated service.
///
/// What was kept stays until ``rewind()``, whatever becomes of those who wrote it. All of it lies in
/// one transaction of SQLite that never ends, so that going back to the start is one statement,
/// whatever triggers and constraints the schema has.
///
/// It has its ``HighWaterMark`` beside it, as a file has.
package final class MemoryDatabase: Sendable {
  /// How far a commit gets.
  package enum Fate: Hashable, Sendable {
    /// The power goes before it: all of it is undone.
    case undone
    /// The power goes, or the commit fails, before the mark is written.
    case unmarked
    case whole
  }

  private let lane: SQLiteLane
  private let marked: ChainedTable?
  private let medium = MarkMemory()
  /// Of the opener of the moment.
  private let mark = Mutex<HighWaterMark?>(nil)

  /// - Parameters:
  ///   - setUp: statements to run once after the migrations.
  ///   - marked: the table whose end is marked.
  package init(
    migrations: [Migration], setUp: String = "", marked: ChainedTable? = nil
  ) throws(StorageError) {
    var limits = SQLiteLimits()
    limits.maxCachedStatements = 1024
    let lane = try SQLiteLane(path: ":memory:", readOnly: false, limits: limits)
    try lane.sync { connection throws(StorageError) in
      try SQLiteMigrator(path: ":memory:", migrations: migrations).run(on: connection)
      if !setUp.isEmpty { try connection.runScript(setUp) }
      try connection.perform(.begin)
    }
    self.lane = lane
    self.marked = marked
  }

  /// What ``SQLiteDatabase`` does with the mark when a process opens it.
  ///
  /// - Throws: ``StorageError/lostCommits(path:last:marked:)``,
  ///   ``StorageError/otherThanMarked(path:marked:)``.
  package func open() throws(StorageError) {
    guard let table = self.marked else { return }
    let mark = HighWaterMark(
      table: table, medium: self.medium, path: ":memory:.mark",
      logger: Logger(label: "storage") { _ in SwiftLogNoOpLogHandler() })
    try self.lane.sync { connection throws(StorageError) in
      try mark.check(connection)
      try mark.open(connection)
    }
    self.mark.withLock { $0 = mark }
  }

  /// What the mark says.
  package var marking: HighWaterMark.Reading { self.medium.read() }

  /// The mark is what a power cut has left of it: torn, behind, or gone.
  package func damageMark(_ reading: HighWaterMark.Reading) { self.medium.set(reading) }

  /// Forgets everything that was written since the database was made.
  package func rewind() throws(StorageError) {
    try self.lane.sync { connection throws(StorageError) in
      try connection.perform(.rollback)
      try connection.perform(.begin)
    }
    self.mark.withLock { $0 = nil }
    self.medium.set(.none)
  }

  /// Runs some units as one commit; the failure of one undoes only itself.
  ///
  /// - Returns: how each unit ended.
  package func commit(
    _ units: [(any SQLConnection) throws -> Void], _ fate: Fate = .whole
  ) throws(StorageError) -> [Result<Void, any Error>] {
    let mark = self.mark.withLock { $0 }
    return try self.lane.sync { connection throws(StorageError) in
      try connection.perform(.beginStep)
      var results: [Result<Void, any Error>] = []
      for unit in units { results.append(try Self.run(unit, on: connection)) }
      // As a group commit does it: asked before the commit, written after it.
      let end = mark?.end(connection)
      if fate == .undone { try connection.perform(.undoStep) }
      try connection.perform(.endStep)
      if fate == .whole { mark?.note(end) }
      return results
    }
  }

  private static func run(
    _ unit: (any SQLConnection) throws -> Void, on connection: SQLiteConnection
  ) throws(StorageError) -> Result<Void, any Error> {
    try connection.perform(.savepoint)
    do {
      try unit(connection)
      guard !connection.handle.hasUnresolvedForeignKeys else {
        throw StorageError.constraint(.foreignKey, detail: "unresolved at the end of the unit")
      }
    } catch {
      try connection.perform(.rollbackToSavepoint)
      try connection.perform(.release)
      return .failure(error)
    }
    try connection.perform(.release)
    return .success(())
  }

  /// Runs `query` on what was kept.
  package func read<Answer>(_ query: (any SQLConnection) throws -> Answer) throws -> Answer {
    try self.lane.sync { connection throws(StorageError) in
      Result { try query(connection) }
    }.get()
  }
}
