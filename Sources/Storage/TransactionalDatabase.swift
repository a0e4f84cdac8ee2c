/// A database as those who write to it see it: a write is whole or not at all, and durable when it
/// returns.
///
/// ``SQLiteDatabase`` is the one of a running service. A simulation puts another in its place, which
/// does the same on its own schedule.
package protocol TransactionalDatabase: Sendable {
  /// See ``SQLiteDatabase/write(_:)``.
  func write<Answer: Sendable>(
    _ unit: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer

  /// See ``SQLiteDatabase/read(_:)``.
  func read<Answer: Sendable>(
    _ query: @escaping @Sendable (any SQLConnection) throws -> Answer
  ) async throws -> Answer

  /// See ``SQLiteDatabase/afterCommit(_:)``.
  func afterCommit(_ hook: @escaping @Sendable () -> Void)

  /// See ``SQLiteDatabase/whenStopped(_:)``.
  func whenStopped(_ hook: @escaping @Sendable (_ reason: String) -> Void)

  /// Whether it takes writes.
  var isOpen: Bool { get }

  /// See ``SQLiteDatabase/close()``.
  func close() async
}

extension SQLiteDatabase: TransactionalDatabase {}
