/// Runs units in one transaction, so that the failure of one undoes only itself.
///
/// Each unit has a SAVEPOINT of its own, except while nothing of the transaction is kept: to undo
/// the first unit is to roll the transaction back, which is the same and saves two statements for
/// every lone writer.
struct CommitBatch {
  private let connection: SQLiteConnection
  private var kept = 0
  private var answers: [@Sendable () -> Void] = []

  init(_ connection: SQLiteConnection) {
    self.connection = connection
  }

  /// Runs the units and commits.
  ///
  /// - Returns: how to answer the callers, those of failed units as well: what a failed unit saw
  ///   may be the work of another unit of this commit; how many units were kept; where the marked
  ///   table ends now.
  /// - Throws: ``StorageError/outcomeUnknown(reason:)``, for all of them: nothing may be written
  ///   any more. Any other error: nothing was done.
  static func commit(
    _ units: ArraySlice<WaitingUnit>, on connection: SQLiteConnection, mark: HighWaterMark? = nil
  ) throws(StorageError) -> (answers: [@Sendable () -> Void], kept: Int, end: ChainLink?) {
    var batch = CommitBatch(connection)
    batch.answers.reserveCapacity(units.count)
    for unit in units { try batch.run(unit) }
    guard batch.kept > 0 else { return (batch.answers, 0, nil) }
    let end = mark?.end(connection)
    try batch.control(.commit)
    return (batch.answers, batch.kept, end)
  }

  private mutating func run(_ unit: WaitingUnit) throws(StorageError) {
    let isAlone = self.kept == 0
    if isAlone {
      try self.connection.perform(.begin)
    } else {
      try self.control(.savepoint)
    }
    do {
      let answer = try unit.run(self.connection)
      guard !self.connection.handle.hasUnresolvedForeignKeys else {
        throw StorageError.constraint(.foreignKey, detail: "unresolved at the end of the unit")
      }
      try self.expectTransaction(after: nil)
      self.answers.append(answer)
    } catch {
      try self.expectTransaction(after: error)
      try self.undo(isAlone)
      self.answers.append { unit.fail(error) }
      return
    }
    if !isAlone { try self.control(.release) }
    self.kept += 1
  }

  private func undo(_ isAlone: Bool) throws(StorageError) {
    if isAlone {
      try self.control(.rollback)
    } else {
      try self.control(.rollbackToSavepoint)
      try self.control(.release)
    }
  }

  /// SQLite rolls the whole transaction back by itself when the disk is full or broken or memory
  /// is short; earlier units of the commit went with it.
  private func expectTransaction(after error: (any Error)?) throws(StorageError) {
    guard self.connection.handle.isInTransaction else {
      let cause = error.map { ": \($0)" } ?? ""
      throw .outcomeUnknown(reason: "the transaction ended inside a unit\(cause)")
    }
  }

  private func control(_ control: SQLiteConnection.Control) throws(StorageError) {
    do {
      try self.connection.perform(control)
    } catch {
      throw .outcomeUnknown(reason: "\(control.rawValue): \(error)")
    }
  }
}
