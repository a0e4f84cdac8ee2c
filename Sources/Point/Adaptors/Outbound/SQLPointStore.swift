import AdaptorSupport
import Kernel
import PointCore
import Storage

/// Keeps points in SQL.
package struct SQLPointStore: PointStore {
  /// `cashpoint` is there to sort by; the core works it out anew.
  package static let migrations = SQLContext.migrations(
    [
      Migration(
        name: "point-001",
        sql: """
          CREATE TABLE point (
            id INTEGER PRIMARY KEY,
            payment_id INTEGER NOT NULL UNIQUE,
            class_id INTEGER NOT NULL,
            fee INTEGER NOT NULL,
            student TEXT NOT NULL,
            status TEXT NOT NULL,
            cashpoint INTEGER NOT NULL
          ) STRICT;
          CREATE INDEX point_by_class ON point (class_id);
          CREATE INDEX point_pending ON point (id) WHERE status = 'PENDING';
          """),
      // Which event of Pay earned the points; unknown for those that are older than this.
      Migration(
        name: "point-002",
        sql: "ALTER TABLE point ADD COLUMN cause TEXT NOT NULL DEFAULT ''"),
      SQLPointLedger.migration,
    ] + SQLStudentMemory.migrations + SQLPointLedger.chaining)

  fileprivate static let columns = "id, payment_id, class_id, fee, student, status"
  private static let isVisible = "status <> 'PENDING'"
  private static let sortable = [
    "id": "id", "classId": "class_id", "fee": "fee", "student": "student",
    "cashpoint": "cashpoint",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PointTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: cause) { try work(SQLPointTransaction(unit: $0)) }
  }

  package func visiblePoint(_ id: PointID) async throws -> Point? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Self.columns) FROM point WHERE id = ? AND \(Self.isVisible)",
        [.integer(id.value)]
      ).map(Point.init(row:))
    }
  }

  package func visiblePoints(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Point> {
    try await self.context.page(
      page, select: Self.columns, from: "point", columns: Self.sortable,
      where: student == nil ? Self.isVisible : "student = ? AND \(Self.isVisible)",
      student.map { [.text($0)] } ?? []
    ) { try Point(row: $0) }
  }

  package func visiblePoints(of classID: ClassID) async throws -> [Point] {
    try await self.context.read { connection in
      try connection.rows(
        "SELECT \(Self.columns) FROM point WHERE class_id = ? AND \(Self.isVisible) ORDER BY id",
        [.integer(classID.value)]
      ).map(Point.init(row:))
    }
  }

  package func balance(of student: String) async throws -> Int64 {
    try await self.context.read { connection in
      try connection.integer(SQLPointLedger.balance, [.text(student)]) ?? 0
    }
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedPointEntry> {
    try await self.context.page(
      page, select: SQLPointLedger.columns, from: "point_entry", columns: SQLPointLedger.sortable,
      id: "sequence", where: "class_id = ?", [.integer(classID.value)], SQLPointLedger.entry)
  }

  package func pendingPoints(atMost count: Int) async throws -> [PendingPoint] {
    try await self.context.read { connection in
      try connection.rows(
        "SELECT \(Self.columns), cause FROM point WHERE status = 'PENDING' ORDER BY id LIMIT ?",
        [.integer(Int64(count))]
      ).map { row in
        let point = try Point(row: row)
        let cause = row.text(6)
        return PendingPoint(
          point: point, cause: Cause(id: cause.isEmpty ? "settle-point-\(point.id)" : cause))
      }
    }
  }
}

/// One unit of work on Point's table.
struct SQLPointTransaction: PointTransaction {
  let unit: SQLUnit

  func nextPointID() throws -> PointID {
    PointID(try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM point") ?? 1)
  }

  func point(of paymentID: PaymentID) throws -> Point? {
    try self.unit.connection.row(
      "SELECT \(SQLPointStore.columns) FROM point WHERE payment_id = ?",
      [.integer(paymentID.value)]
    ).map(Point.init(row:))
  }

  func points(of classID: ClassID) throws -> [Point] {
    try self.unit.connection.rows(
      "SELECT \(SQLPointStore.columns) FROM point WHERE class_id = ? ORDER BY id",
      [.integer(classID.value)]
    ).map(Point.init(row:))
  }

  func save(_ point: Point) throws {
    try self.unit.connection.execute(
      """
      INSERT INTO point (\(SQLPointStore.columns), cashpoint, cause)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        status = excluded.status, cashpoint = excluded.cashpoint, student = excluded.student
      """,
      [
        .integer(point.id.value), .integer(point.paid.paymentID.value),
        .integer(point.paid.classID.value), .integer(point.paid.fee.won),
        .text(point.paid.student), .text(point.status.rawValue), .integer(point.cashpoint),
        .text(self.unit.cause.id),
      ])
  }

  func append(_ entry: PointEntry) throws {
    try SQLPointLedger.append(entry, in: self.unit)
  }

  func studentCorrection(of classID: ClassID) throws -> StudentCorrection? {
    try self.unit.studentCorrection(of: classID)
  }

  func remember(_ correction: StudentCorrection) throws {
    try self.unit.remember(correction)
  }

  func raise(_ event: PointEvent) throws {
    try event.publish(in: self.unit)
  }
}

extension Point {
  fileprivate init(row: SQLRow) throws {
    guard let status = Status(rawValue: row.text(5)) else {
      throw UnknownStoredValue(column: "point.status", value: row.text(5))
    }
    self.init(
      id: PointID(row.integer(0)),
      paid: PaidFee(
        paymentID: PaymentID(row.integer(1)), classID: ClassID(row.integer(2)),
        fee: try Money(won: row.integer(3)), student: row.text(4)),
      status: status)
  }
}
