import GRDBSQLite

/// The state of a raw SQLite connection that GRDB's API does not show, or not as cheaply.
///
/// Unsafe: `pointer` is a C handle. It is kept only by a ``SQLiteConnection``, which its
/// ``SQLiteLane`` uses on one serial queue and drops before GRDB closes the handle; every function
/// called here is documented as safe for one thread at a time.
struct SQLiteHandle {
  let pointer: OpaquePointer

  /// `sqlite3_get_autocommit` "returns non-zero or zero if the given database connection is or is
  /// not in autocommit mode … Autocommit mode is disabled by a BEGIN statement".
  var isInTransaction: Bool { sqlite3_get_autocommit(self.pointer) == 0 }

  var changedRows: Int { Int(sqlite3_changes(self.pointer)) }

  var lastInsertedID: Int64 { sqlite3_last_insert_rowid(self.pointer) }

  /// SQLITE_DBSTATUS_DEFERRED_FKS "returns zero for the current value if and only if all foreign
  /// key constraints (deferred or immediate) have been resolved".
  var hasUnresolvedForeignKeys: Bool { self.status(SQLITE_DBSTATUS_DEFERRED_FKS) != 0 }

  /// SQLITE_DBSTATUS_CACHE_WRITE, "the number of pages written to the wal file", since the last
  /// reset.
  func pagesWritten(reset: Bool = false) -> Int {
    self.status(SQLITE_DBSTATUS_CACHE_WRITE, reset: reset)
  }

  /// Turns a result code into an error. To be asked before the statement is reset: the message is
  /// that of the last failed call.
  func error(_ code: Int32, in statement: String) -> StorageError {
    let message = String(cString: sqlite3_errmsg(self.pointer))
    return StorageError(code: code, message: message, statement: statement)
  }

  private func status(_ operation: Int32, reset: Bool = false) -> Int {
    var current: Int32 = 0
    var highwater: Int32 = 0
    sqlite3_db_status(self.pointer, operation, &current, &highwater, reset ? 1 : 0)
    return Int(current)
  }
}

extension StorageError {
  /// From an extended result code of SQLite and its message.
  init(code: Int32, message: String, statement: String) {
    // The low byte of an extended code is its primary code.
    guard code & 0xFF == SQLITE_CONSTRAINT else {
      self = .sql(code: code, message: message, statement: statement)
      return
    }
    let prefix = "constraint failed: "
    let parts = message.split(separator: prefix, maxSplits: 1)
    let detail = parts.count == 2 ? String(parts[1]) : message
    self = .constraint(Constraint(code: code), detail: detail)
  }
}

extension StorageError.Constraint {
  fileprivate init(code: Int32) {
    // Extended codes: the primary code and a number in the second byte (sqlite3.h).
    switch code >> 8 {
    case 1: self = .check
    case 3: self = .foreignKey
    case 5: self = .notNull
    case 6, 8, 10: self = .unique  // PRIMARYKEY, UNIQUE, ROWID
    default: self = .other
    }
  }
}
