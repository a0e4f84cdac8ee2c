/// A SQLite database in memory that works when it is told to, on the thread that tells it: the disk
/// of a simulated service.
///
/// What was kept stays until ``rewind()``, whatever becomes of those who wrote it. All of it lies in
/// one transaction of SQLite that never ends, so that going back to the start is one statement,
/// whatever triggers and constraints the schema has.
package final class MemoryDatabase: Sendable {
  private let lane: SQLiteLane

  /// - Parameter setUp: statements to run once after the migrations.
  package init(migrations: [Migration], setUp: String = "") throws(StorageError) {
    var limits = SQLiteLimits()
    limits.maxCachedStatements = 1024
    let lane = try SQLiteLane(path: ":memory:", readOnly: false, limits: limits)
    try lane.sync { connection throws(StorageError) in
      try SQLiteMigrator(path: ":memory:", migrations: migrations).run(on: connection)
      if !setUp.isEmpty { try connection.runScript(setUp) }
      try connection.perform(.begin)
    }
    self.lane = lane
  }

  /// Forgets everything that was written since the database was made.
  package func rewind() throws(StorageError) {
    try self.lane.sync { connection throws(StorageError) in
      try connection.perform(.rollback)
      try connection.perform(.begin)
    }
  }

  /// Runs some units as one commit; the failure of one undoes only itself.
  ///
  /// - Parameter keeping: false when the power goes before the commit: all of it is undone.
  /// - Returns: how each unit ended.
  package func commit(
    _ units: [(any SQLConnection) throws -> Void], keeping: Bool = true
  ) throws(StorageError) -> [Result<Void, any Error>] {
    try self.lane.sync { connection throws(StorageError) in
      try connection.perform(.beginStep)
      var results: [Result<Void, any Error>] = []
      for unit in units { results.append(try Self.run(unit, on: connection)) }
      if !keeping { try connection.perform(.undoStep) }
      try connection.perform(.endStep)
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
