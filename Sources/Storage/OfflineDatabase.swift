import Foundation

/// A database that no service has open, to be looked at and copied; nothing in it is changed.
///
/// Blocks the thread: for the command line.
package final class OfflineDatabase: Sendable {
  package let path: String
  private let lock: FileLock?
  private let lane: SQLiteLane

  /// - Parameter locking: keeps services away from it; false for a backup, where none comes.
  /// - Throws: ``StorageError/alreadyOpen(path:processID:)``,
  ///   ``StorageError/cannotOpen(path:reason:)``.
  package init(path: String, locking: Bool) throws(StorageError) {
    guard FileManager.default.fileExists(atPath: path) else {
      throw .cannotOpen(path: path, reason: "there is no such file")
    }
    self.path = path
    self.lock = locking ? try FileLock(path: path) : nil
    self.lane = try SQLiteLane(path: path, readOnly: true, limits: SQLiteLimits())
    try self.lane.sync { connection throws(StorageError) in
      try SQLiteSettings.apply(SQLiteLimits(), toReader: connection)
    }
  }

  /// Runs `query` on one snapshot.
  package func read<Answer>(_ query: (any SQLConnection) throws -> Answer) throws -> Answer {
    try self.lane.syncRethrowing { connection in
      try connection.perform(.beginRead)
      defer { try? connection.perform(.rollback) }
      return try query(connection)
    }
  }

  /// What SQLite itself finds wrong with the file, at most ten sentences: pages that do not fit,
  /// rows missing from indices. It notices few of the bits that rot (F3).
  package func problemsOfFile() throws -> [String] {
    let answer = try self.read { connection in
      try connection.rows("PRAGMA integrity_check(10)").map { $0.text(0) }
    }
    return answer == ["ok"] ? [] : answer
  }

  /// Copies it into a file that needs no log beside it, and forces that to disk.
  package func copy(to path: String) throws {
    try self.lane.syncRethrowing { try $0.copy(to: path) }
    try Durable.sync(path)
  }
}

extension OfflineDatabase {
  /// The same for code that reads a database whoever has it open. A write throws
  /// ``StorageError/stopped(reason:)``; a read blocks the thread.
  package var forReading: any TransactionalDatabase { Reading(database: self) }

  private struct Reading: TransactionalDatabase {
    let database: OfflineDatabase

    var isOpen: Bool { false }

    func write<Answer: Sendable>(
      _ unit: @escaping @Sendable (any SQLConnection) throws -> Answer
    ) async throws -> Answer {
      throw StorageError.stopped(reason: "\(self.database.path) is open for reading only")
    }

    func read<Answer: Sendable>(
      _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
    ) async throws -> Answer {
      try self.database.read(query)
    }

    /// Nothing is ever committed.
    func afterCommit(_ hook: @escaping @Sendable () -> Void) {}

    func whenStopped(_ hook: @escaping @Sendable (_ reason: String) -> Void) {}

    /// It closes with its last user.
    func close() async {}
  }
}
