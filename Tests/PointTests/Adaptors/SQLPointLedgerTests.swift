import AdaptorSupport
import AdaptorTestSupport
import Kernel
import PointAdaptors
import PointCore
import Storage
import Testing

@Suite("The ledger of points in SQL")
struct SQLPointLedgerTests {
  /// The columns of a line, in the order of the tests' VALUES.
  private static let columns = "sequence, point_id, payment_id, class_id, kind, points, at"

  @Test(
    "T39: the table refuses what a ledger must not have, whoever writes to it",
    arguments: [
      "UPDATE point_entry SET points = 1000 WHERE sequence = 1",
      "UPDATE point_entry SET at = at",
      "DELETE FROM point_entry",
      "INSERT OR REPLACE INTO point_entry (\(Self.columns)) VALUES (1, 2, 2, 2, 'EARN', 7, 0)",
      "REPLACE INTO point_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'EARN', 7, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (1, 2, 2, 2, 'EARN', 7, 0) "
        + "ON CONFLICT DO UPDATE SET points = 7",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'EARN', 100, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'REVERSE', -99, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 1, 1, 2, 'REVERSE', -100, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'REVERSE', -100, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'EARN', -1, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'BONUS', 1, 0)",
      "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 9, 9, 9, 'EARN', 1, 0)",
    ])
  func refuses(_ sql: String) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1, payment: 1))
    try await point.tell([try PayTells.approved(2, payment: 2)])
    let before = try await Self.rows(point)
    await #expect {
      try await point.harness.database.write { try $0.execute(sql) }
    } throws: { error in
      guard case .constraint? = error as? StorageError else { return false }
      return true
    }
    #expect(try await Self.rows(point) == before)
    #expect(before.count == 1)
  }

  @Test("what the table takes is the reversal that is due")
  func takes() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1, payment: 1))
    try await point.harness.database.write { connection in
      try connection.execute(
        "INSERT INTO point_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'REVERSE', -100, 0)")
    }
    #expect(try await point.application.balance(of: "john-doe") == 0)
  }

  @Test("an entry, the state it belongs to and the event are kept together or not at all")
  func together() async throws {
    let point = try PointHarness()
    try await point.tell([try PayTells.approved(1, payment: 1)])
    // A line that should not be there: the grant cannot write its own.
    try await point.harness.database.write { connection in
      _ = try SQLPointLedger.table.append(
        [.integer(1), .integer(1), .integer(1), .text("EARN"), .integer(100), .integer(0)],
        in: connection)
    }
    #expect(try await point.settle() == Settlement(settled: 0, remaining: 1))
    #expect(try await point.application.points(of: ClassID(1)).isEmpty)
    #expect(try await point.harness.eventTypes().isEmpty)
  }

  @Test("a balance is found by index: no table is scanned")
  func byIndex() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    let plan = try await point.harness.database.read { connection in
      try connection.rows("EXPLAIN QUERY PLAN \(SQLPointLedger.balance)", [.text("x")])
        .map { $0.text(3) }
    }
    #expect(!plan.isEmpty)
    #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && $0.contains("INDEX") }, "\(plan)")
  }

  @Test("a balance beyond 64 bits is an error and not another number")
  func overflow() async throws {
    let point = try PointHarness()
    try await point.tell([
      try PayTells.approved(1, payment: 1), try PayTells.approved(2, payment: 2),
    ])
    try await point.harness.database.write { connection in
      for id in 1...2 {
        try connection.execute(
          """
          INSERT INTO point_entry (\(Self.columns))
          VALUES (NULL, \(id), \(id), \(id), 'EARN', \(Int64.max / 2 + 1), 0)
          """)
      }
    }
    await #expect(throws: StorageError.self) {
      _ = try await point.application.balance(of: "john-doe")
    }
  }

  @Test("a ledger that is opened late begins with what is granted, and goes on from there")
  func migration() async throws {
    let point = try await PointHarness(
      filledBy: """
        INSERT INTO point (id, payment_id, class_id, fee, student, status, cashpoint) VALUES
          (1, 1, 1, 10099, 'kim', 'GRANTED', 100), (2, 2, 2, 10000, 'kim', 'CANCELED', 0),
          (3, 3, 3, 10000, 'kim', 'PENDING', 100), (4, 4, 4, 20000, 'lee', 'GRANTED', 200)
        """)
    let application = point.application
    #expect(try await application.balance(of: "kim") == 100)
    #expect(try await application.balance(of: "lee") == 200)
    var entries: [String] = []
    for id in Int64(1)...4 {
      let page = try await application.entries(of: ClassID(id), try PageRequest())
      entries += page.items.map { "\($0.sequence) \($0.entry.kind) \($0.entry.points)" }
      #expect(page.items.allSatisfy { $0.at > Timestamp(microseconds: 0) })
    }
    #expect(entries == ["1 earn 100", "2 earn 200"])

    #expect(try await point.settle() == Settlement(settled: 1, remaining: 0))
    #expect(try await application.balance(of: "kim") == 200)
    try await point.tell([
      try PayTells.canceled(1, payment: 1, fee: 10_099, student: "kim"),
      try PayTells.canceled(2, payment: 2, student: "kim"),
    ])
    #expect(try await application.balance(of: "kim") == 100)
  }

  private static func rows(_ point: PointHarness) async throws -> [String] {
    try await point.harness.database.read { connection in
      try connection.rows("SELECT \(Self.columns) FROM point_entry ORDER BY sequence").map { row in
        (0..<row.columnCount).map { "\(row[$0])" }.joined(separator: " ")
      }
    }
  }
}
