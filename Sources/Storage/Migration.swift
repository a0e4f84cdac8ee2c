/// One step of a schema, applied once, in order, in a transaction of its own.
///
/// An applied step is never changed: the database remembers a fingerprint of its SQL and refuses
/// to open when it differs. A later step mends an earlier one.
package struct Migration: Hashable, Sendable {
  /// Unique among the migrations of a database: `pay-001-payments`.
  package let name: String
  /// One or more statements.
  package let sql: String
  /// A table that becomes chained by this step: rows that are there already get their hashes.
  package let chained: ChainedTable?

  package init(name: String, sql: String, chained: ChainedTable? = nil) {
    self.name = name
    self.sql = sql
    self.chained = chained
  }

  /// FNV-1a (64 bits) of the SQL: notices an edit, is not meant to resist an attacker.
  var fingerprint: String {
    let text = self.sql + (self.chained.map { "\n\($0.definition)" } ?? "")
    let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    return String(hash, radix: 16)
  }
}
