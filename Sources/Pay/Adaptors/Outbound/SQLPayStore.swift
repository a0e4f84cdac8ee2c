import AdaptorSupport
import Kernel
import PayCore
import Storage

/// Keeps payments in SQL.
package struct SQLPayStore: PayStore {
  package static let migrations = SQLContext.migrations(
    [
      Migration(
        name: "pay-001",
        sql: """
          CREATE TABLE payment (
            id INTEGER PRIMARY KEY,
            class_id INTEGER NOT NULL UNIQUE,
            course_id INTEGER NOT NULL,
            fee INTEGER NOT NULL,
            student TEXT NOT NULL,
            text_book TEXT NOT NULL,
            status TEXT NOT NULL
          ) STRICT;
          CREATE TABLE canceled_class (class_id INTEGER PRIMARY KEY) STRICT;
          """),
      // Students look at their own.
      Migration(
        name: "pay-002", sql: "CREATE INDEX payment_by_student ON payment (student);"),
    ] + SQLStudentMemory.migrations)

  fileprivate static let columns = "id, class_id, course_id, fee, student, text_book, status"
  private static let sortable = [
    "id": "id", "classId": "class_id", "courseId": "course_id", "fee": "fee",
    "student": "student", "status": "status", "textBook": "text_book",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PayTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: cause) { try work(SQLPayTransaction(unit: $0)) }
  }

  package func payment(_ id: PaymentID) async throws -> Payment? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Self.columns) FROM payment WHERE id = ?", [.integer(id.value)]
      ).map(Payment.init(row:))
    }
  }

  package func payments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Payment> {
    try await self.context.page(
      page, select: Self.columns, from: "payment", columns: Self.sortable,
      where: student.map { _ in "student = ?" }, student.map { [.text($0)] } ?? []
    ) { try Payment(row: $0) }
  }

  package func payments(of classID: ClassID) async throws -> [Payment] {
    try await self.context.read { connection in
      try connection.rows(
        "SELECT \(Self.columns) FROM payment WHERE class_id = ?", [.integer(classID.value)]
      ).map(Payment.init(row:))
    }
  }

  package func payments(
    afterClass first: ClassID, throughClass last: ClassID?, atMost count: Int
  ) async throws -> [Payment] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(Self.columns) FROM payment
        WHERE class_id > ? AND class_id <= ? ORDER BY class_id LIMIT ?
        """,
        [
          .integer(first.value), .integer(last?.value ?? Int64.max), .integer(Int64(count)),
        ]
      ).map(Payment.init(row:))
    }
  }
}

/// One unit of work on Pay's tables.
struct SQLPayTransaction: PayTransaction {
  let unit: SQLUnit

  func nextPaymentID() throws -> PaymentID {
    PaymentID(
      try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM payment") ?? 1)
  }

  func payment(of classID: ClassID) throws -> Payment? {
    try self.unit.connection.row(
      "SELECT \(SQLPayStore.columns) FROM payment WHERE class_id = ?", [.integer(classID.value)]
    ).map(Payment.init(row:))
  }

  func save(_ payment: Payment) throws {
    try self.unit.connection.execute(
      """
      INSERT INTO payment (\(SQLPayStore.columns)) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, student = excluded.student
      """,
      [
        .integer(payment.id.value), .integer(payment.classID.value),
        .integer(payment.courseID.value), .integer(payment.fee.won), .text(payment.student),
        .text(payment.textBook), .text(payment.status.rawValue),
      ])
  }

  func isCanceled(_ classID: ClassID) throws -> Bool {
    try self.unit.connection.integer(
      "SELECT 1 FROM canceled_class WHERE class_id = ?", [.integer(classID.value)]) != nil
  }

  func rememberCanceled(_ classID: ClassID) throws {
    try self.unit.connection.execute(
      "INSERT OR IGNORE INTO canceled_class (class_id) VALUES (?)", [.integer(classID.value)])
  }

  func studentCorrection(of classID: ClassID) throws -> StudentCorrection? {
    try self.unit.studentCorrection(of: classID)
  }

  func remember(_ correction: StudentCorrection) throws {
    try self.unit.remember(correction)
  }

  func raise(_ event: PayEvent) throws {
    try event.publish(in: self.unit)
  }
}

extension Payment {
  fileprivate init(row: SQLRow) throws {
    guard let status = Status(rawValue: row.text(6)) else {
      throw UnknownStoredValue(column: "payment.status", value: row.text(6))
    }
    self.init(
      id: PaymentID(row.integer(0)), classID: ClassID(row.integer(1)),
      courseID: CourseID(row.integer(2)), fee: try Money(won: row.integer(3)),
      student: row.text(4), textBook: row.text(5), status: status)
  }
}
