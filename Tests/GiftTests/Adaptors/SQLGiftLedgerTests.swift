import AdaptorSupport
import AdaptorTestSupport
import GiftAdaptors
import GiftCore
import Kernel
import Storage
import Testing

@Suite("The ledger of gifts in SQL")
struct SQLGiftLedgerTests {
  /// The columns of a line, in the order of the tests' VALUES.
  private static let columns = "sequence, gift_id, payment_id, class_id, kind, gifts, at"

  private let cause = Cause(id: "settle-point-1")

  @Test(
    "T39: the table refuses what a ledger must not have, whoever writes to it",
    arguments: [
      "UPDATE gift_entry SET gifts = 1000 WHERE sequence = 1",
      "UPDATE gift_entry SET at = at",
      "DELETE FROM gift_entry",
      "INSERT OR REPLACE INTO gift_entry (\(Self.columns)) VALUES (1, 2, 2, 2, 'GRANT', 7, 0)",
      "REPLACE INTO gift_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'GRANT', 7, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (1, 2, 2, 2, 'GRANT', 7, 0) "
        + "ON CONFLICT DO UPDATE SET gifts = 7",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'GRANT', 1, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'REVOKE', -2, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 1, 1, 2, 'REVOKE', -1, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'REVOKE', -1, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'GRANT', 0, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 2, 2, 2, 'BONUS', 1, 0)",
      "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 9, 9, 9, 'GRANT', 1, 0)",
    ])
  func refuses(_ sql: String) async throws {
    // The second gift has no line yet.
    let gift = try GiftHarness()
    try await self.give(gift)
    try await gift.harness.database.write { connection in
      try connection.execute(
        """
        INSERT INTO gift (id, payment_id, class_id, fee, student, status, giftstock)
        VALUES (2, 2, 2, 10000, 'kim', 'GRANTED', 1)
        """)
    }
    let before = try await Self.rows(gift)
    await #expect {
      try await gift.harness.database.write { try $0.execute(sql) }
    } throws: { error in
      guard case .constraint? = error as? StorageError else { return false }
      return true
    }
    #expect(try await Self.rows(gift) == before)
    #expect(before.count == 1)
  }

  @Test("what the table takes is the revocation that is due")
  func takes() async throws {
    let gift = try GiftHarness()
    try await self.give(gift)
    try await gift.harness.database.write { connection in
      try connection.execute(
        "INSERT INTO gift_entry (\(Self.columns)) VALUES (NULL, 1, 1, 1, 'REVOKE', -1, 0)")
    }
    #expect(try await gift.application.balance(of: "john-doe") == 0)
  }

  @Test("an entry, the state it belongs to and the event are kept together or not at all")
  func together() async throws {
    let gift = try GiftHarness()
    try await self.give(gift)
    // A line that should not be there: the revocation cannot write its own.
    try await gift.harness.database.write { connection in
      _ = try SQLGiftLedger.table.append(
        [.integer(1), .integer(1), .integer(1), .text("REVOKE"), .integer(-1), .integer(0)],
        in: connection)
    }
    await #expect(throws: StorageError.self) {
      try await gift.tell([try GiftHarness.pointCanceled(1)], .pastInbox)
    }
    #expect(try await gift.application.gift(of: ClassID(1)).status == .granted)
    #expect(try await gift.harness.eventTypes() == ["GiftRegistered"])
  }

  @Test("a balance is found by index: no table is scanned")
  func byIndex() async throws {
    let gift = try GiftHarness()
    let plan = try await gift.harness.database.read { connection in
      try connection.rows("EXPLAIN QUERY PLAN \(SQLGiftLedger.balance)", [.text("x")])
        .map { $0.text(3) }
    }
    #expect(!plan.isEmpty)
    #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && $0.contains("INDEX") }, "\(plan)")
  }

  @Test("more gifts than 32 bits count are counted all the same")
  func wide() async throws {
    let gift = try GiftHarness()
    for payment in Int64(1)...2 {
      try await gift.harness.database.write { connection in
        try connection.execute(
          """
          INSERT INTO gift (id, payment_id, class_id, fee, student, status, giftstock)
          VALUES (\(payment), \(payment), \(payment), 10000, 'kim', 'GRANTED', 1)
          """)
        try connection.execute(
          """
          INSERT INTO gift_entry (\(Self.columns))
          VALUES (NULL, \(payment), \(payment), \(payment), 'GRANT', \(Int32.max), 0)
          """)
      }
    }
    try await gift.with(.rpc) { port in
      let balance = try await port.balance(of: "kim")
      #expect(balance == 2 * Int64(Int32.max))
    }
  }

  @Test("a ledger that is opened late begins with what is granted, and goes on from there")
  func migration() async throws {
    let gift = try await GiftHarness(
      filledBy: """
        INSERT INTO gift (id, payment_id, class_id, fee, student, status, giftstock) VALUES
          (1, 1, 1, 10000, 'kim', 'GRANTED', 1), (2, 2, 2, 10000, 'kim', 'REVOKED', 0),
          (3, 3, 3, 30001, 'kim', 'GRANTED', 4)
        """)
    let application = gift.application
    #expect(try await application.balance(of: "kim") == 5)
    var entries: [String] = []
    for id in Int64(1)...3 {
      let page = try await application.entries(of: ClassID(id), try PageRequest())
      entries += page.items.map { "\($0.sequence) \($0.entry.kind) \($0.entry.gifts)" }
      #expect(page.items.allSatisfy { $0.at > Timestamp(microseconds: 0) })
    }
    #expect(entries == ["1 grant 1", "2 grant 4"])
    try await gift.tell([
      try GiftHarness.pointCanceled(1, payment: 1, student: "kim"),
      try GiftHarness.pointCanceled(2, payment: 2, student: "kim"),
    ])
    #expect(try await application.balance(of: "kim") == 4)
  }

  private func give(_ gift: GiftHarness) async throws {
    _ = try await gift.application.give(try GiftHarness.command(), because: self.cause)
  }

  private static func rows(_ gift: GiftHarness) async throws -> [String] {
    try await gift.harness.database.read { connection in
      try connection.rows("SELECT \(Self.columns) FROM gift_entry ORDER BY sequence").map { row in
        (0..<row.columnCount).map { "\(row[$0])" }.joined(separator: " ")
      }
    }
  }
}
