/// Remembers the answer to each keyed command, so that a repeat gets the first answer instead of a
/// second effect.
///
/// Every function takes part in the transaction of its connection: key, effect and answer are
/// committed together or not at all.
package enum IdempotencyTable {
  package static let migration = Migration(
    name: "idempotency-001",
    sql: """
      CREATE TABLE idempotency (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        answer TEXT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX idempotency_by_age ON idempotency (created_at);
      """)

  /// What is known of a key.
  package enum Recollection: Hashable, Sendable {
    /// The key was never seen: `begin` it.
    case new
    /// The first request has begun and is not answered yet.
    case running
    case answered(String)
    /// The key was used with another request.
    case otherRequest
  }

  /// - Parameters:
  ///   - scope: whose key, and for which operation: the same key of another caller is another key.
  ///   - fingerprint: stands for the request's content.
  package static func recall(
    scope: String, key: String, fingerprint: String, in connection: any SQLConnection
  ) throws(StorageError) -> Recollection {
    let row = try connection.row(
      "SELECT fingerprint, answer FROM idempotency WHERE scope = ? AND key = ?",
      [.text(scope), .text(key)])
    guard let row else { return .new }
    guard row.text(0) == fingerprint else { return .otherRequest }
    return row.optionalText(1).map { .answered($0) } ?? .running
  }

  /// Takes the key for a request that is answered later.
  ///
  /// - Throws: ``StorageError/constraint(_:detail:)`` when the key is taken: `recall` it first, in
  ///   the same unit.
  package static func begin(
    scope: String, key: String, fingerprint: String, createdAt: Int64,
    in connection: any SQLConnection
  ) throws(StorageError) {
    try connection.execute(
      "INSERT INTO idempotency (scope, key, fingerprint, created_at) VALUES (?, ?, ?, ?)",
      [.text(scope), .text(key), .text(fingerprint), .integer(createdAt)])
  }

  /// Stores the answer of a key that has begun. The first answer stays.
  ///
  /// - Returns: whether the answer was stored.
  @discardableResult
  package static func answer(
    _ answer: String, scope: String, key: String, in connection: any SQLConnection
  ) throws(StorageError) -> Bool {
    try connection.execute(
      "UPDATE idempotency SET answer = ? WHERE scope = ? AND key = ? AND answer IS NULL",
      [.text(answer), .text(scope), .text(key)])
    return connection.changedRows == 1
  }

  /// Forgets answered keys that are older than a moment, the oldest first; keys that wait for
  /// their answer stay.
  ///
  /// - Parameters:
  ///   - moment: in the unit of `createdAt`.
  ///   - limit: most rows in one go, so that other units do not wait long.
  /// - Returns: how many were forgotten; fewer than `limit` means that none is left.
  package static func purge(
    olderThan moment: Int64, limit: Int = 1000, in connection: any SQLConnection
  ) throws(StorageError) -> Int {
    try connection.execute(
      """
      DELETE FROM idempotency WHERE (scope, key) IN (
        SELECT scope, key FROM idempotency
        WHERE created_at < ? AND answer IS NOT NULL ORDER BY created_at LIMIT ?)
      """, [.integer(moment), .integer(Int64(limit))])
    return connection.changedRows
  }
}
