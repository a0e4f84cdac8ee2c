/// Why the storage did not do as it was asked.
package enum StorageError: Error, Hashable, Sendable {
  /// The database cannot be opened, or its settings cannot be made.
  case cannotOpen(path: String, reason: String)
  /// Another opener holds the lock file; `processID` is nil while it has not written its id yet.
  case alreadyOpen(path: String, processID: Int32?)
  /// SQLite would acknowledge commits before they are on disk.
  case notDurable(synchronous: Int64)
  /// The database has migrations that this binary does not know: a newer binary made it.
  case unknownMigrations(path: String, names: [String])
  /// An applied migration has another SQL than the one that was applied.
  case migrationChanged(name: String)
  case migrationFailed(name: String, reason: String)
  /// The database ends before what was committed: its log was damaged, or it is an older copy.
  case lostCommits(path: String, last: Int64, marked: Int64)
  /// The marked row of the database is another one than was committed.
  case otherThanMarked(path: String, marked: Int64)

  /// Too many units already wait: nothing was done, trying again later is safe.
  case overloaded(waiting: Int)
  /// The commit failed, and yet it may be on disk (F11). Ask again with the same idempotency key
  /// once the database is open again; never guess.
  case outcomeUnknown(reason: String)
  /// A commit failed earlier, so nothing is written until the database is opened anew. This unit
  /// did nothing.
  case stopped(reason: String)
  /// The database was closed; this unit did nothing.
  case closed

  /// A row would break a constraint of the schema; SQLite names the columns: `payment.class_id`.
  case constraint(Constraint, detail: String)
  /// SQLite refused a statement.
  case sql(code: Int32, message: String, statement: String)
  /// A list was asked to be sorted by something it cannot be sorted by.
  case unknownSortField(name: String, allowed: [String])

  /// Which kind of constraint a row would break.
  package enum Constraint: Hashable, Sendable {
    /// UNIQUE or PRIMARY KEY.
    case unique
    case foreignKey
    case notNull
    case check
    /// A type that a STRICT table does not take, a trigger, and the like.
    case other
  }
}

extension StorageError {
  /// Whether the file itself is damaged: SQLite's CORRUPT (11) and NOTADB (26), and the MISMATCH
  /// (20) of a value of a type that no column has (sqlite.org/rescode.html).
  package var isCorruption: Bool {
    guard case .sql(let code, _, _) = self else { return false }
    return [11, 20, 26].contains(code & 0xFF)
  }
}

extension StorageError {
  /// Whether the machine, and no mistake of ours, kept SQLite from it: a full, failing or busy disk
  /// or no memory. The unit did nothing, and may come again.
  ///
  /// SQLite's BUSY (5), LOCKED (6), NOMEM (7), INTERRUPT (9), IOERR (10), FULL (13) and CANTOPEN (14)
  /// (sqlite.org/rescode.html).
  package var isTrouble: Bool {
    guard case .sql(let code, _, _) = self else { return false }
    return [5, 6, 7, 9, 10, 13, 14].contains(code & 0xFF)
  }
}

extension StorageError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .cannotOpen(let path, let reason): "cannot open \(path): \(reason)"
    case .alreadyOpen(let path, let processID):
      "\(path) is already open in process \(processID.map { "\($0)" } ?? "(unknown)")"
    case .notDurable(let synchronous):
      "commits would not be durable: synchronous is \(synchronous), must be 2 (FULL) or more"
    case .unknownMigrations(let path, let names):
      "\(path) was made by a newer version: unknown migrations \(names.joined(separator: ", "))"
    case .migrationChanged(let name):
      "migration \(name) was changed after it had been applied; add another one instead"
    case .migrationFailed(let name, let reason): "migration \(name) failed: \(reason)"
    case .lostCommits(let path, let last, let marked):
      "\(path) lost commits: its events end at \(last), and \(marked) were committed "
        + "(\(path).mark); restore a backup, or see 'sugang help mark accept-loss'"
    case .otherThanMarked(let path, let marked):
      "\(path) is damaged, or not the database that was here: its event \(marked) is not the one "
        + "that was committed (\(path).mark); restore a backup, or see "
        + "'sugang help mark accept-loss'"
    case .overloaded(let waiting): "overloaded: \(waiting) units already wait"
    case .outcomeUnknown(let reason): "the commit may or may not be on disk: \(reason)"
    case .stopped(let reason): "writing stopped until the database is reopened: \(reason)"
    case .closed: "the database is closed"
    case .constraint(let kind, let detail): "\(kind) constraint failed: \(detail)"
    case .sql(let code, let message, let statement):
      "SQLite error \(code): \(message), in: \(statement)"
    case .unknownSortField(let name, let allowed):
      "cannot sort by \(name); allowed: \(allowed.joined(separator: ", "))"
    }
  }
}
