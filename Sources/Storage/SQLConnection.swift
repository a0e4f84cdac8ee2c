/// What a unit of work may do with the database.
///
/// Valid only inside the closure it was given to, and synchronous: nothing else happens in the
/// database between two calls. Statements are cached by their text, so pass values as arguments
/// (`?`) and never inside the SQL. Transactions belong to the ``TransactionalDatabase``: a unit that says
/// BEGIN, COMMIT, ROLLBACK or SAVEPOINT is refused.
package protocol SQLConnection {
  /// Runs one statement and ignores rows it answers.
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError)
  /// Runs one INSERT and returns the new row's id.
  func insert(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int64
  /// All rows of the answer, in memory: give every list a LIMIT.
  func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow]
  /// Rows that the last statement inserted, changed or deleted.
  var changedRows: Int { get }
  /// Runs a step of the unit; an error that it throws undoes what the step did, and no more, so
  /// that the unit may go on without it.
  func attempt<Answer>(_ step: () throws -> Answer) throws -> Answer
}

extension SQLConnection {
  package func execute(_ sql: String) throws(StorageError) {
    try self.execute(sql, [])
  }

  package func rows(_ sql: String) throws(StorageError) -> [SQLRow] {
    try self.rows(sql, [])
  }

  /// The first row of the answer; nil when there is none.
  package func row(_ sql: String, _ arguments: [SQLValue] = []) throws(StorageError) -> SQLRow? {
    try self.rows(sql, arguments).first
  }

  /// The first column of the first row, for `SELECT count(*)` and the like; nil when there is no
  /// row or it is NULL.
  package func integer(
    _ sql: String, _ arguments: [SQLValue] = []
  ) throws(StorageError) -> Int64? {
    try self.rows(sql, arguments).first?.optionalInteger(0)
  }
}
