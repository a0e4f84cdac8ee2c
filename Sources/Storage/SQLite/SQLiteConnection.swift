import GRDB
import GRDBSQLite

/// One connection with its compiled statements.
final class SQLiteConnection: SQLConnection {
  /// What only the storage itself says, around the units.
  enum Control: String {
    case begin = "BEGIN IMMEDIATE"
    case beginRead = "BEGIN DEFERRED"
    case commit = "COMMIT"
    case rollback = "ROLLBACK"
    case savepoint = "SAVEPOINT unit"
    case release = "RELEASE unit"
    case rollbackToSavepoint = "ROLLBACK TO unit"
    case beginStep = "SAVEPOINT step"
    case endStep = "RELEASE step"
    case undoStep = "ROLLBACK TO step"
  }

  private let database: Database
  private let maxCachedStatements: Int
  private var statements: [String: PreparedStatement] = [:]
  private var uses: UInt64 = 0
  let handle: SQLiteHandle

  init(_ database: Database, maxCachedStatements: Int) throws(StorageError) {
    guard let pointer = database.sqliteConnection else { throw .closed }
    self.database = database
    self.handle = SQLiteHandle(pointer: pointer)
    self.maxCachedStatements = maxCachedStatements
  }

  var changedRows: Int { self.handle.changedRows }

  func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) {
    try self.statement(sql).execute(arguments)
  }

  func insert(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int64 {
    try self.statement(sql).execute(arguments)
    return self.handle.lastInsertedID
  }

  func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
    try self.statement(sql).rows(arguments)
  }

  func attempt<Answer>(_ step: () throws -> Answer) throws -> Answer {
    try self.perform(.beginStep)
    let answer: Answer
    do {
      answer = try step()
    } catch {
      // SQLite may have given the whole transaction up; then there is nothing to go on with.
      guard self.handle.isInTransaction else { throw error }
      try self.perform(.undoStep)
      try self.perform(.endStep)
      throw error
    }
    try self.perform(.endStep)
    return answer
  }

  func perform(_ control: Control) throws(StorageError) {
    let sql = control.rawValue
    if let statement = self.cached(sql) { return try statement.execute([]) }
    try self.compile(sql).execute([])
  }

  /// Several statements at once, not cached: for migrations and settings.
  func runScript(_ sql: String) throws(StorageError) {
    try StorageError.translating { try self.database.execute(sql: sql) }
  }

  /// Copies the log into the database file, and cuts the log to nothing when `truncating`.
  ///
  /// A reader that still needs the log makes SQLite copy less; the next time goes on from there.
  func checkpoint(truncating: Bool = false) throws(StorageError) {
    _ = self.handle.pagesWritten(reset: true)
    do {
      _ = try StorageError.translating {
        try self.database.checkpoint(truncating ? .truncate : .passive)
      }
    } catch StorageError.sql(let code, _, _) where code & 0xFF == SQLITE_BUSY {
      return
    }
  }

  /// Copies the database as this connection sees it, page by page, into an empty file or a new one.
  func copy(to path: String) throws(StorageError) {
    try StorageError.translating {
      let target = try DatabaseQueue(path: path)
      try target.inDatabase { copy in
        try self.database.backup(to: copy)
        // The copy is a file with a log, like its source; as a backup it needs none beside it.
        try copy.execute(sql: "PRAGMA journal_mode = DELETE")
      }
      try target.close()
    }
  }

  private func statement(_ sql: String) throws(StorageError) -> PreparedStatement {
    if let cached = self.cached(sql) { return cached }
    guard !SQLiteConnection.controlsTransaction(sql) else {
      throw .sql(
        code: SQLITE_MISUSE, message: "a unit must not control its transaction", statement: sql)
    }
    return try self.compile(sql)
  }

  private func cached(_ sql: String) -> PreparedStatement? {
    guard let statement = self.statements[sql] else { return nil }
    self.uses += 1
    statement.lastUse = self.uses
    return statement
  }

  private func compile(_ sql: String) throws(StorageError) -> PreparedStatement {
    let compiled = try StorageError.translating { try self.database.makeStatement(sql: sql) }
    let statement = PreparedStatement(compiled, sql: sql, handle: self.handle)
    if self.statements.count >= self.maxCachedStatements { self.forgetOldest() }
    self.uses += 1
    statement.lastUse = self.uses
    self.statements[sql] = statement
    return statement
  }

  private func forgetOldest() {
    let oldest = self.statements.min { $0.value.lastUse < $1.value.lastUse }
    if let oldest { self.statements[oldest.key] = nil }
  }

  /// A guard against mistakes, not against malice: whoever writes SQL is trusted.
  private static func controlsTransaction(_ sql: String) -> Bool {
    let first = sql.drop { $0.isWhitespace }.prefix { $0.isLetter }.uppercased()
    return ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"].contains(first)
  }
}

extension StorageError {
  /// Runs GRDB and translates its error.
  static func translating<Answer>(_ work: () throws -> Answer) throws(StorageError) -> Answer {
    do {
      return try work()
    } catch let error as StorageError {
      throw error
    } catch let error as DatabaseError {
      throw StorageError(
        code: error.extendedResultCode.rawValue, message: error.message ?? "unknown error",
        statement: error.sql ?? "")
    } catch {
      throw .sql(code: SQLITE_ERROR, message: "\(error)", statement: "")
    }
  }
}
