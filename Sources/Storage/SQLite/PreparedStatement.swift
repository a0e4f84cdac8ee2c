import GRDB
import GRDBSQLite

/// A compiled statement: binds, steps and reads columns with SQLite's own functions, because this
/// is the hot path of every write.
///
/// Unsafe: `pointer` belongs to GRDB's `Statement`, which finalizes it when this object goes. It is
/// used on the serial queue of its connection only. Text and blobs are copied by SQLite when they
/// are bound, and copied out of SQLite before the next step, so no pointer outlives a call.
final class PreparedStatement {
  private let owner: Statement
  private let pointer: OpaquePointer
  private let handle: SQLiteHandle
  private let sql: String
  private let parameterCount: Int
  /// When it was last used, in uses of its cache.
  var lastUse: UInt64 = 0

  init(_ owner: Statement, sql: String, handle: SQLiteHandle) {
    self.owner = owner
    self.pointer = owner.sqliteStatement
    self.handle = handle
    self.sql = sql
    self.parameterCount = Int(sqlite3_bind_parameter_count(owner.sqliteStatement))
  }

  /// Runs the statement to its end.
  func execute(_ arguments: [SQLValue]) throws(StorageError) {
    try self.bind(arguments)
    defer { sqlite3_reset(self.pointer) }
    while try self.step() {}
  }

  /// Runs the statement to its end and keeps what it answers.
  func rows(_ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
    try self.bind(arguments)
    defer { sqlite3_reset(self.pointer) }
    var values: [SQLValue] = []
    var columns = 0
    var count = 0
    while try self.step() {
      // Asked for each row: SQLite compiles a statement again after a change of the schema.
      columns = Int(sqlite3_data_count(self.pointer))
      for column in 0..<columns { values.append(try self.value(Int32(column))) }
      count += 1
    }
    return (0..<count).map { row in
      SQLRow(values: values, start: row * columns, columnCount: columns)
    }
  }

  /// - Returns: whether there is a row.
  private func step() throws(StorageError) -> Bool {
    // "SQLITE_ROW … another row of output is available; SQLITE_DONE … has run to completion";
    // everything else is an error, and an extended code since the connection asks for those.
    let code = sqlite3_step(self.pointer)
    if code == SQLITE_DONE { return false }
    if code == SQLITE_ROW { return true }
    throw self.handle.error(code, in: self.sql)
  }

  private func bind(_ arguments: [SQLValue]) throws(StorageError) {
    guard arguments.count == self.parameterCount else {
      throw .sql(
        code: SQLITE_MISUSE,
        message: "\(self.parameterCount) arguments wanted, got \(arguments.count)",
        statement: self.sql)
    }
    var index: Int32 = 0
    for argument in arguments {
      index += 1
      let code = self.bind(argument, at: index)
      guard code == SQLITE_OK else { throw self.handle.error(code, in: self.sql) }
    }
  }

  private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
    switch value {
    case .null: return sqlite3_bind_null(self.pointer, index)
    case .integer(let value): return sqlite3_bind_int64(self.pointer, index, value)
    case .text(var value):
      return value.withUTF8 { bytes in
        guard let start = bytes.baseAddress else {
          return sqlite3_bind_text64(
            self.pointer, index, "", 0, Self.copied, UInt8(SQLITE_UTF8))
        }
        return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { characters in
          sqlite3_bind_text64(
            self.pointer, index, characters, UInt64(bytes.count), Self.copied,
            UInt8(SQLITE_UTF8))
        }
      }
    case .blob(let bytes):
      // A nil pointer would bind NULL: "sqlite3_bind_zeroblob" makes the empty one.
      if bytes.isEmpty { return sqlite3_bind_zeroblob(self.pointer, index, 0) }
      return bytes.withUnsafeBytes { buffer in
        sqlite3_bind_blob64(
          self.pointer, index, buffer.baseAddress, UInt64(buffer.count), Self.copied)
      }
    }
  }

  private func value(_ column: Int32) throws(StorageError) -> SQLValue {
    switch sqlite3_column_type(self.pointer, column) {
    case SQLITE_NULL: return .null
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(self.pointer, column))
    case SQLITE_TEXT:
      // "The safest policy is to invoke sqlite3_column_text() followed by sqlite3_column_bytes()".
      let start = sqlite3_column_text(self.pointer, column)
      let count = Int(sqlite3_column_bytes(self.pointer, column))
      return .text(
        String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
    case SQLITE_BLOB:
      let start = sqlite3_column_blob(self.pointer, column)
      let count = Int(sqlite3_column_bytes(self.pointer, column))
      return .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
    default:
      throw .sql(
        code: SQLITE_MISMATCH, message: "column \(column) is a floating-point number",
        statement: self.sql)
    }
  }

  /// SQLITE_TRANSIENT, a macro that Swift does not import: "SQLite makes its own private copy of
  /// the data" before the bind function returns.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
