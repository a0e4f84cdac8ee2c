import AdaptorSupport
import GiftCore
import Kernel
import Storage

/// The ledger of gifts in SQL: a table that only grows.
package enum SQLGiftLedger {
  /// What the table itself refuses, whoever writes to it: a change, a removal, a second line of one
  /// kind, a revocation of anything but what was granted. `INSERT OR REPLACE` removes rows without
  /// asking a trigger of DELETE, so what it would remove is looked for before each insert.
  ///
  /// Granted gifts of before the ledger are its opening balance, granted when it was opened.
  /// Revoked ones come to 0 and have no lines.
  package static let migration = Migration(
    name: "gift-002",
    sql: """
      CREATE TABLE gift_entry (
        sequence INTEGER PRIMARY KEY,
        gift_id INTEGER NOT NULL REFERENCES gift (id),
        payment_id INTEGER NOT NULL,
        class_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        gifts INTEGER NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (payment_id, kind),
        CHECK (CASE kind WHEN 'GRANT' THEN gifts > 0 WHEN 'REVOKE' THEN gifts < 0 ELSE 0 END)
      ) STRICT;
      CREATE INDEX gift_entry_by_class ON gift_entry (class_id);
      CREATE INDEX gift_by_student ON gift (student, payment_id);
      CREATE TRIGGER gift_entry_is_not_changed BEFORE UPDATE ON gift_entry
      BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
      CREATE TRIGGER gift_entry_is_not_removed BEFORE DELETE ON gift_entry
      BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;
      CREATE TRIGGER gift_entry_is_not_replaced BEFORE INSERT ON gift_entry
      WHEN EXISTS (SELECT 1 FROM gift_entry WHERE sequence = NEW.sequence)
        OR EXISTS (
          SELECT 1 FROM gift_entry WHERE payment_id = NEW.payment_id AND kind = NEW.kind)
      BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;
      CREATE TRIGGER gift_entry_revokes_what_was_granted BEFORE INSERT ON gift_entry
      WHEN NEW.kind = 'REVOKE' AND NOT EXISTS (
        SELECT 1 FROM gift_entry
        WHERE payment_id = NEW.payment_id AND kind = 'GRANT' AND gifts = -NEW.gifts
          AND gift_id = NEW.gift_id AND class_id = NEW.class_id)
      BEGIN SELECT RAISE(ABORT, 'a revocation is the negative of what was granted'); END;
      INSERT INTO gift_entry (gift_id, payment_id, class_id, kind, gifts, at)
      SELECT id, payment_id, class_id, 'GRANT', giftstock, unixepoch() * 1000000
      FROM gift WHERE status = 'GRANTED' ORDER BY id;
      """)

  private static let ledger = AppendOnlyLedger(of: "gift", amount: "gifts")

  package static let table = ledger.table
  package static let chaining = ledger.chaining(as: ("gift-003", "gift-004"))
  package static let balance = ledger.balance

  static let columns = ledger.columns
  static let sortable = ledger.sortable

  /// The only place that adds lines.
  static func append(_ entry: GiftEntry, in unit: SQLUnit) throws {
    try Self.ledger.append(
      ownerID: entry.giftID.value, paymentID: entry.paymentID.value, classID: entry.classID.value,
      kind: entry.kind.rawValue, amount: Int64(entry.gifts), in: unit)
  }

  static func entry(_ row: SQLRow) throws -> PostedGiftEntry {
    guard let kind = GiftEntry.Kind(rawValue: row.text(4)) else {
      throw UnknownStoredValue(column: "gift_entry.kind", value: row.text(4))
    }
    guard let gifts = Int32(exactly: row.integer(5)),
      let entry = GiftEntry(
        giftID: GiftID(row.integer(1)), paymentID: PaymentID(row.integer(2)),
        classID: ClassID(row.integer(3)), kind: kind, gifts: gifts)
    else {
      throw UnknownStoredValue(column: "gift_entry.gifts", value: String(row.integer(5)))
    }
    return PostedGiftEntry(
      sequence: row.integer(0), entry: entry, at: Timestamp(microseconds: row.integer(6)))
  }
}
