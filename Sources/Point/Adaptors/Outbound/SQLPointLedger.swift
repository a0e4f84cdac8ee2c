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

  /// Starts from the student's payments, whatever SQLite thinks of the tables' sizes: CROSS JOIN
  /// keeps their order. `sum` of integers fails rather than overflow.
  package static let balance = """
    SELECT coalesce(sum(point_entry.points), 0)
    FROM point CROSS JOIN point_entry ON point_entry.payment_id = point.payment_id
    WHERE point.student = ?
    """

  static let columns = "sequence, point_id, payment_id, class_id, kind, points, at"
  static let sortable = [
    "sequence": "sequence", "classId": "class_id", "kind": "kind", "points": "points", "at": "at",
  ]

  /// The only place that adds lines.
  static func append(_ entry: PointEntry, in unit: SQLUnit) throws {
    try unit.connection.execute(
      """
      INSERT INTO point_entry (point_id, payment_id, class_id, kind, points, at)
      VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(entry.pointID.value), .integer(entry.paymentID.value),
        .integer(entry.classID.value), .text(entry.kind.rawValue), .integer(entry.points),
        .integer(unit.now.microseconds),
      ])
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
