import Logging

/// One SQLite database, owned by this process alone.
///
/// A write is durable when it returns, and shares its commit with whatever else waits; a read sees
/// every write that returned before it began. After a failed commit nothing is written until the
/// database is opened anew (``isOpen`` is false then), while reads go on.
package final class SQLiteDatabase: Sendable {
  package let path: String
  private let lock: FileLock
  private let writer: SQLiteLane
  let commits: GroupCommit
  private let readers: ReadPool
  private let mark: HighWaterMark?
  let limits: SQLiteLimits
  private let logger: Logger

  /// Opens or creates the database in an existing folder, and applies the migrations it lacks.
  ///
  /// Blocks the thread: for start-up.
  ///
  /// - Parameter marked: the table whose end is kept in a second file, `PATH.mark`: a database that
  ///   ends before it is not opened, and left as it is.
  package init(
    path: String, migrations: [Migration], marked: ChainedTable? = nil,
    limits: SQLiteLimits = SQLiteLimits(), logger: Logger
  ) throws(StorageError) {
    let lock = try FileLock(path: path)
    let mark = marked.map { HighWaterMark(table: $0, database: path, logger: logger) }
    try mark?.check(path, limits: limits)
    let writer = try SQLiteLane(path: path, readOnly: false, limits: limits)
    try writer.sync { connection throws(StorageError) in
      try SQLiteSettings.apply(limits, toWriter: connection, path: path)
      try SQLiteMigrator(path: path, migrations: migrations).run(on: connection)
      try mark?.open(connection)
      try connection.checkpoint(truncating: true)
      SQLiteLog(path: path, limits: limits).fill(logger)
    }
    var lanes: [SQLiteLane] = []
    for _ in 0..<max(1, limits.readers) {
      let lane = try SQLiteLane(path: path, readOnly: true, limits: limits)
      try lane.sync { connection throws(StorageError) in
        try SQLiteSettings.apply(limits, toReader: connection)
      }
      lanes.append(lane)
    }
    self.path = path
    self.lock = lock
    self.writer = writer
    self.commits = GroupCommit(lane: writer, limits: limits, mark: mark, logger: logger)
    self.mark = mark
    self.limits = limits
    self.readers = ReadPool(lanes: lanes, maxWaitingReads: limits.maxWaitingReads)
    self.logger = logger
    logger.info("storage open", metadata: ["path": "\(path)"])
  }

  /// Runs `unit` in a transaction, whole or not at all, and returns when it is on disk.
  ///
  /// The unit sees the effects of every unit before it, also of those in the same commit. An error
  /// it throws undoes it and reaches the caller. It runs on the writer's thread while the others
  /// wait: no I/O, no waiting. A caller that is canceled once the unit waits still gets the
  /// answer: its effect cannot be taken back.
  package func write<Answer: Sendable>(
    _ unit: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try Task.checkCancellation()
    return try await withCheckedThrowingContinuation { continuation in
      self.commits.submit(WaitingUnit(unit, answering: continuation))
    }
  }

  /// Runs `query` on a snapshot of what is committed; other reads and the writer go on meanwhile.
  package func read<Answer: Sendable>(
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer {
    try Task.checkCancellation()
    return try await withCheckedThrowingContinuation { continuation in
      self.readers.submit(WaitingUnit(query, answering: continuation))
    }
  }

  /// Calls `hook` on the writer's thread after each durable commit, before its units are answered.
  /// For short signals; it stays for the life of the database.
  package func afterCommit(_ hook: @escaping @Sendable () -> Void) {
    self.commits.afterCommit(hook)
  }

  /// Calls `hook` with the reason after a commit failed and writing stopped, at once when that was
  /// before. It may be called twice.
  package func whenStopped(_ hook: @escaping @Sendable (_ reason: String) -> Void) {
    self.commits.whenStopped(hook)
  }

  /// Whether it takes writes: false after ``close()`` and after a failed commit.
  package var isOpen: Bool { self.commits.phase == .open }

  /// Units that wait for the writer now.
  package var waitingUnits: Int { self.commits.waitingUnits }

  /// How the writer is really set.
  package func settings() async throws -> SQLiteSettings {
    try await self.write { connection in try SQLiteSettings(of: connection) }
  }

  /// Answers what waits, takes nothing new, copies the log into the database file and frees the
  /// lock. Again does nothing.
  package func close() async {
    self.commits.close()
    await self.readers.close()
    let mayWrite = self.commits.phase == .closing
    await self.writer.close { connection in
      if mayWrite { try? connection.checkpoint(truncating: true) }
    }
    // They often hold who holds the database.
    self.commits.dropHooks()
    self.mark?.close()
    self.lock.release()
    self.logger.info("storage closed", metadata: ["path": "\(self.path)"])
  }
}

extension WaitingUnit {
  fileprivate init<Answer: Sendable>(
    _ work: @escaping @Sendable (any SQLConnection) throws -> Answer,
    answering continuation: CheckedContinuation<Answer, any Error>
  ) {
    self.init(
      run: { connection in
        let answer = try work(connection)
        return { continuation.resume(returning: answer) }
      },
      fail: { continuation.resume(throwing: $0) })
  }
}
