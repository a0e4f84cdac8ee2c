import Kernel
import Storage

/// A ledger in SQL, `NAME_entry`: lines that are only added, of one amount each, and never two of one
/// kind for one payment. Its owner makes the table, and says what its kinds mean.
package struct AppendOnlyLedger: Sendable {
  private let owner: String
  private let amount: String
  /// Each line holds the one before it (I12): a changed, missing or moved one shows.
  package let table: ChainedTable

  /// - Parameters:
  ///   - owner: The table whose rows the lines belong to, `NAME`.
  ///   - amount: The column of a line that is summed up.
  package init(of owner: String, amount: String) {
    self.owner = owner
    self.amount = amount
    self.table = ChainedTable(
      "\(owner)_entry",
      columns: ["\(owner)_id", "payment_id", "class_id", "kind", amount, "at"])
  }

  /// The chain over the lines that are there; they cannot be changed otherwise.
  ///
  /// The texts must stay as they are: they have been applied.
  ///
  /// - Parameter names: of the two migrations.
  package func chaining(as names: (String, String)) -> [Migration] {
    [
      Migration(
        name: names.0,
        // A line that is not chained has a hash that no line can have.
        sql: """
          DROP TRIGGER \(self.owner)_entry_is_not_changed;
          ALTER TABLE \(self.owner)_entry ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
          """, chained: self.table),
      Migration(
        name: names.1,
        sql: """
          CREATE TRIGGER \(self.owner)_entry_is_not_changed BEFORE UPDATE ON \(self.owner)_entry
          BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
          """),
    ]
  }

  /// What the lines of a student come to.
  ///
  /// Starts from the student's payments, whatever SQLite thinks of the tables' sizes: CROSS JOIN
  /// keeps their order. `sum` of integers fails rather than overflow.
  package var balance: String {
    """
    SELECT coalesce(sum(\(self.owner)_entry.\(self.amount)), 0)
    FROM \(self.owner)
    CROSS JOIN \(self.owner)_entry ON \(self.owner)_entry.payment_id = \(self.owner).payment_id
    WHERE \(self.owner).student = ?
    """
  }

  /// Of a line, in the order in which its owner reads them.
  package var columns: String {
    "sequence, \(self.owner)_id, payment_id, class_id, kind, \(self.amount), at"
  }

  package var sortable: [String: String] {
    [
      "sequence": "sequence", "classId": "class_id", "kind": "kind", self.amount: self.amount,
      "at": "at",
    ]
  }

  /// Adds a line.
  package func append(
    ownerID: Int64, paymentID: Int64, classID: Int64, kind: String, amount: Int64,
    in unit: SQLUnit
  ) throws {
    try self.table.append(
      [
        .integer(ownerID), .integer(paymentID), .integer(classID), .text(kind), .integer(amount),
        .integer(unit.now.microseconds),
      ], in: unit.connection)
  }
}
