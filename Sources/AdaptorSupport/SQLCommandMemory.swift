import Kernel
import Storage

/// Keeps the answers to keyed commands in the transaction of their effect.
package enum SQLCommandMemory {
  /// How long an answer is kept at least, in hours (the Idempotency-Key draft leaves it to us;
  /// Stripe keeps 24).
  package static let keptHours: Int64 = 24

  package static let migrations = [
    Migration(
      name: "command-memory-001",
      sql: """
        CREATE TABLE command (
          caller TEXT NOT NULL,
          operation TEXT NOT NULL,
          key TEXT NOT NULL,
          fingerprint TEXT NOT NULL,
          answer TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          PRIMARY KEY (caller, operation, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX command_by_age ON command (created_at);
        """)
  ]

  /// Forgets answers older than ``keptHours``, at most `limit` at a time.
  ///
  /// - Returns: how many were forgotten.
  package static func forgetOld(
    now: Timestamp, limit: Int64 = 1000, in connection: any SQLConnection
  ) throws -> Int {
    try connection.execute(
      """
      DELETE FROM command WHERE (caller, operation, key) IN (
        SELECT caller, operation, key FROM command WHERE created_at < ?
        ORDER BY created_at LIMIT ?)
      """,
      [
        .integer(now.adding(seconds: -Self.keptHours * 3600).microseconds), .integer(limit),
      ])
    return connection.changedRows
  }
}

extension SQLUnit {
  package func rememberedCommand(_ key: CommandKey) throws -> RememberedCommand? {
    try self.connection.row(
      "SELECT fingerprint, answer FROM command WHERE caller = ? AND operation = ? AND key = ?",
      [.text(key.caller), .text(key.operation), .text(key.key.value)]
    ).map { RememberedCommand(fingerprint: $0.text(0), answer: $0.text(1)) }
  }

  package func remember(_ command: RememberedCommand, as key: CommandKey) throws {
    try self.connection.execute(
      """
      INSERT INTO command (caller, operation, key, fingerprint, answer, created_at)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (caller, operation, key)
      DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer
      """,
      [
        .text(key.caller), .text(key.operation), .text(key.key.value),
        .text(command.fingerprint), .text(command.answer), .integer(self.now.microseconds),
      ])
  }
}
