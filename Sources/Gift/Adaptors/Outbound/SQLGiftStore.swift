import AdaptorSupport
import GiftCore
import Kernel
import Storage

/// Keeps gifts in SQL.
package struct SQLGiftStore: GiftStore {
  /// `giftstock` is there to sort by; the core works it out anew.
  package static let migrations = SQLContext.migrations(
    [
      Migration(
        name: "gift-001",
        sql: """
          CREATE TABLE gift (
            id INTEGER PRIMARY KEY,
            payment_id INTEGER NOT NULL UNIQUE,
            class_id INTEGER NOT NULL,
            fee INTEGER NOT NULL,
            student TEXT NOT NULL,
            status TEXT NOT NULL,
            giftstock INTEGER NOT NULL
          ) STRICT;
          CREATE INDEX gift_by_class ON gift (class_id);
          CREATE TABLE revoked_payment (payment_id INTEGER PRIMARY KEY) STRICT;
          """),
      SQLGiftLedger.migration,
    ] + SQLStudentMemory.migrations + SQLGiftLedger.chaining)

  fileprivate static let columns = "id, payment_id, class_id, fee, student, status"
  private static let sortable = [
    "id": "id", "classId": "class_id", "fee": "fee", "student": "student",
    "giftstock": "giftstock",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any GiftTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: cause) { try work(SQLGiftTransaction(unit: $0)) }
  }

  package func gift(_ id: GiftID) async throws -> Gift? {
    try await self.context.read { connection in
      try connection.row("SELECT \(Self.columns) FROM gift WHERE id = ?", [.integer(id.value)])
        .map(Gift.init(row:))
    }
  }

  package func gifts(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Gift> {
    try await self.context.page(
      page, select: Self.columns, from: "gift", columns: Self.sortable,
      where: student.map { _ in "student = ?" }, student.map { [.text($0)] } ?? []
    ) { try Gift(row: $0) }
  }

  package func gift(of classID: ClassID) async throws -> Gift? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Self.columns) FROM gift WHERE class_id = ? ORDER BY id LIMIT 1",
        [.integer(classID.value)]
      ).map(Gift.init(row:))
    }
  }

  package func balance(of student: String) async throws -> Int64 {
    try await self.context.read { connection in
      try connection.integer(SQLGiftLedger.balance, [.text(student)]) ?? 0
    }
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedGiftEntry> {
    try await self.context.page(
      page, select: SQLGiftLedger.columns, from: "gift_entry", columns: SQLGiftLedger.sortable,
      id: "sequence", where: "class_id = ?", [.integer(classID.value)], SQLGiftLedger.entry)
  }
}

/// One unit of work on Gift's tables.
struct SQLGiftTransaction: GiftTransaction {
  let unit: SQLUnit

  func nextGiftID() throws -> GiftID {
    GiftID(try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM gift") ?? 1)
  }

  func gift(of paymentID: PaymentID) throws -> Gift? {
    try self.unit.connection.row(
      "SELECT \(SQLGiftStore.columns) FROM gift WHERE payment_id = ?", [.integer(paymentID.value)]
    ).map(Gift.init(row:))
  }

  func gifts(of classID: ClassID) throws -> [Gift] {
    try self.unit.connection.rows(
      "SELECT \(SQLGiftStore.columns) FROM gift WHERE class_id = ? ORDER BY id",
      [.integer(classID.value)]
    ).map(Gift.init(row:))
  }

  func save(_ gift: Gift) throws {
    try self.unit.connection.execute(
      """
      INSERT INTO gift (\(SQLGiftStore.columns), giftstock) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, giftstock = excluded.giftstock, student = excluded.student
      """,
      [
        .integer(gift.id.value), .integer(gift.paymentID.value), .integer(gift.classID.value),
        .integer(gift.fee.won), .text(gift.student), .text(gift.status.rawValue),
        .integer(Int64(gift.giftstock)),
      ])
  }

  func isRevoked(_ paymentID: PaymentID) throws -> Bool {
    try self.unit.connection.integer(
      "SELECT 1 FROM revoked_payment WHERE payment_id = ?", [.integer(paymentID.value)]) != nil
  }

  func rememberRevoked(_ paymentID: PaymentID) throws {
    try self.unit.connection.execute(
      "INSERT OR IGNORE INTO revoked_payment (payment_id) VALUES (?)",
      [.integer(paymentID.value)])
  }

  func append(_ entry: GiftEntry) throws {
    try SQLGiftLedger.append(entry, in: self.unit)
  }

  func studentCorrection(of classID: ClassID) throws -> StudentCorrection? {
    try self.unit.studentCorrection(of: classID)
  }

  func remember(_ correction: StudentCorrection) throws {
    try self.unit.remember(correction)
  }

  func raise(_ event: GiftEvent) throws {
    try event.publish(in: self.unit)
  }
}

extension Gift {
  fileprivate init(row: SQLRow) throws {
    guard let status = Status(rawValue: row.text(5)) else {
      throw UnknownStoredValue(column: "gift.status", value: row.text(5))
    }
    self.init(
      id: GiftID(row.integer(0)), paymentID: PaymentID(row.integer(1)),
      classID: ClassID(row.integer(2)), fee: try Money(won: row.integer(3)),
      student: row.text(4), status: status)
  }
}
