/// What the writer's connection is really set to, as SQLite reads it back.
package struct SQLiteSettings: Hashable, Sendable {
  /// 2 is FULL: a commit is on disk before it is answered.
  package let synchronous: Int64
  package let journalMode: String
  /// 0: only the writer copies the log, on its own schedule.
  package let logPagesBeforeAutomaticCheckpoint: Int64
  package let foreignKeys: Bool

  init(of connection: any SQLConnection) throws(StorageError) {
    self.synchronous = try connection.integer("PRAGMA synchronous") ?? 0
    self.journalMode = try connection.row("PRAGMA journal_mode")?.text(0) ?? ""
    self.logPagesBeforeAutomaticCheckpoint =
      try connection.integer("PRAGMA wal_autocheckpoint") ?? -1
    self.foreignKeys = try connection.integer("PRAGMA foreign_keys") == 1
  }

  /// Sets the writer up and refuses what would not be durable.
  ///
  /// GRDB sets `synchronous = NORMAL` whenever it sets up WAL mode itself, and after the
  /// configuration's own set-up (F1: it lost acknowledged commits in 8 of 8 power cuts). So WAL is
  /// set here, FULL after it, outside a transaction, and both are read back.
  static func apply(
    _ limits: SQLiteLimits, toWriter connection: SQLiteConnection, path: String
  ) throws(StorageError) {
    try connection.runScript(
      """
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = \(SQLiteLog(path: path, limits: limits).maxKeptBytes);
      """)
    try self.applyShared(cacheKiB: limits.writerCacheKiB, to: connection)
    let settings = try SQLiteSettings(of: connection)
    guard settings.synchronous >= 2 else {
      throw .notDurable(synchronous: settings.synchronous)
    }
    guard settings.journalMode == "wal" else {
      throw .cannotOpen(path: path, reason: "journal mode is \(settings.journalMode), not WAL")
    }
  }

  static func apply(
    _ limits: SQLiteLimits, toReader connection: SQLiteConnection
  ) throws(StorageError) {
    try self.applyShared(cacheKiB: limits.readerCacheKiB, to: connection)
  }

  /// No memory-mapped file (F10); temporary tables and the journal of savepoints in memory.
  private static func applyShared(
    cacheKiB: Int, to connection: SQLiteConnection
  ) throws(StorageError) {
    try connection.runScript(
      """
      PRAGMA mmap_size = 0;
      PRAGMA temp_store = MEMORY;
      PRAGMA cache_size = -\(cacheKiB);
      """)
  }
}
