import AdaptorSupport
import Kernel
import PointCore
import Storage

/// The ledger of points in SQL: a table that only grows.
package enum SQLPointLedger {
  /// What the table itself refuses, whoever writes to it: a change, a removal, a second line of one
  /// kind, a reversal of anything but what was earned. `INSERT OR REPLACE` removes rows without
  /// asking a trigger of DELETE, so what it would remove is looked for before each insert.
  ///
  /// Granted points of before the ledger are its opening balance, earned when it was opened.
  /// Canceled ones come to 0, and nothing tells whether they were ever granted: no lines.
  package static let migration = Migration(
    name: "point-003",
    sql: """
      CREATE TABLE point_entry (
        sequence INTEGER PRIMARY KEY,
        point_id INTEGER NOT NULL REFERENCES point (id),
        payment_id INTEGER NOT NULL,
        class_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        points INTEGER NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (payment_id, kind),
        CHECK (CASE kind WHEN 'EARN' THEN points >= 0 WHEN 'REVERSE' THEN points <= 0 ELSE 0 END)
      ) STRICT;
      CREATE INDEX point_entry_by_class ON point_entry (class_id);
      CREATE INDEX point_by_student ON point (student, payment_id);
      CREATE TRIGGER point_entry_is_not_changed BEFORE UPDATE ON point_entry
      BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
      CREATE TRIGGER point_entry_is_not_removed BEFORE DELETE ON point_entry
      BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;
      CREATE TRIGGER point_entry_is_not_replaced BEFORE INSERT ON point_entry
      WHEN EXISTS (SELECT 1 FROM point_entry WHERE sequence = NEW.sequence)
        OR EXISTS (
          SELECT 1 FROM point_entry WHERE payment_id = NEW.payment_id AND kind = NEW.kind)
      BEGIN SELECT RAISE(ABORT, 'an entry is never replaced'); END;
      CREATE TRIGGER point_entry_reverses_what_was_earned BEFORE INSERT ON point_entry
      WHEN NEW.kind = 'REVERSE' AND NOT EXISTS (
        SELECT 1 FROM point_entry
        WHERE payment_id = NEW.payment_id AND kind = 'EARN' AND points = -NEW.points
          AND point_id = NEW.point_id AND class_id = NEW.class_id)
      BEGIN SELECT RAISE(ABORT, 'a reversal is the negative of what was earned'); END;
      INSERT INTO point_entry (point_id, payment_id, class_id, kind, points, at)
      SELECT id, payment_id, class_id, 'EARN', cashpoint, unixepoch() * 1000000
      FROM point WHERE status = 'GRANTED' ORDER BY id;
      """)

  private static let ledger = AppendOnlyLedger(of: "point", amount: "points")

  package static let table = ledger.table
  package static let chaining = ledger.chaining(as: ("point-004", "point-005"))
  package static let balance = ledger.balance

  static let columns = ledger.columns
  static let sortable = ledger.sortable

  /// The only place that adds lines.
  static func append(_ entry: PointEntry, in unit: SQLUnit) throws {
    try Self.ledger.append(
      ownerID: entry.pointID.value, paymentID: entry.paymentID.value, classID: entry.classID.value,
      kind: entry.kind.rawValue, amount: entry.points, in: unit)
  }

  static func entry(_ row: SQLRow) throws -> PostedPointEntry {
    guard let kind = PointEntry.Kind(rawValue: row.text(4)) else {
      throw UnknownStoredValue(column: "point_entry.kind", value: row.text(4))
    }
    guard
      let entry = PointEntry(
        pointID: PointID(row.integer(1)), paymentID: PaymentID(row.integer(2)),
        classID: ClassID(row.integer(3)), kind: kind, points: row.integer(5))
    else {
      throw UnknownStoredValue(column: "point_entry.points", value: String(row.integer(5)))
    }
    return PostedPointEntry(
      sequence: row.integer(0), entry: entry, at: Timestamp(microseconds: row.integer(6)))
  }
}
