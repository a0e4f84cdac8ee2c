import AdaptorSupport
import Kernel
import MyPageCore
import Storage

/// Keeps the view in SQL.
package struct SQLMyPageStore: MyPageStore {
  /// A row whose student is not known yet is not shown; see ``InquiryMypage/isVisible``.
  package static let migrations = SQLContext.migrations([
    Migration(
      name: "mypage-001",
      sql: """
        CREATE TABLE inquiry_mypage (
          id INTEGER PRIMARY KEY,
          class_id INTEGER NOT NULL UNIQUE,
          course_id INTEGER,
          fee INTEGER,
          student TEXT,
          text_book TEXT,
          status TEXT,
          payment_id INTEGER,
          payment_status TEXT,
          delivery_status TEXT,
          point_status TEXT,
          cashpoint INTEGER,
          giftstock INTEGER,
          heard_enrollment INTEGER NOT NULL,
          heard_text_book INTEGER NOT NULL,
          heard_pay INTEGER NOT NULL,
          heard_delivery INTEGER NOT NULL,
          heard_point INTEGER NOT NULL,
          heard_gift INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX inquiry_mypage_by_payment ON inquiry_mypage (payment_id);
        CREATE INDEX inquiry_mypage_by_student ON inquiry_mypage (student);
        """),
    // A row is named by its class: numbers by arrival were not a function of the events.
    Migration(
      name: "mypage-002",
      sql: """
        CREATE TABLE inquiry_mypage_of_class (
          class_id INTEGER PRIMARY KEY,
          course_id INTEGER,
          fee INTEGER,
          student TEXT,
          text_book TEXT,
          status TEXT,
          payment_id INTEGER,
          payment_status TEXT,
          delivery_status TEXT,
          point_status TEXT,
          cashpoint INTEGER,
          giftstock INTEGER,
          heard_enrollment INTEGER NOT NULL,
          heard_text_book INTEGER NOT NULL,
          heard_pay INTEGER NOT NULL,
          heard_delivery INTEGER NOT NULL,
          heard_point INTEGER NOT NULL,
          heard_gift INTEGER NOT NULL
        ) STRICT;
        INSERT INTO inquiry_mypage_of_class SELECT
          class_id, course_id, fee, student, text_book, status, payment_id, payment_status,
          delivery_status, point_status, cashpoint, giftstock, heard_enrollment,
          heard_text_book, heard_pay, heard_delivery, heard_point, heard_gift
        FROM inquiry_mypage;
        DROP TABLE inquiry_mypage;
        ALTER TABLE inquiry_mypage_of_class RENAME TO inquiry_mypage;
        CREATE INDEX inquiry_mypage_by_payment ON inquiry_mypage (payment_id);
        CREATE INDEX inquiry_mypage_by_student ON inquiry_mypage (student);
        """),
    MyPageRepair.migration,
  ])

  private static let isVisible = "student IS NOT NULL"
  private static let sortable = [
    "id": "class_id", "classId": "class_id", "courseId": "course_id", "paymentId": "payment_id",
    "fee": "fee", "textBook": "text_book", "student": "student", "status": "status",
    "paymentStatus": "payment_status", "deliveryStatus": "delivery_status",
    "pointStatus": "point_status", "cashpoint": "cashpoint", "giftstock": "giftstock",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func visibleRow(_ id: InquiryMypageID) async throws -> InquiryMypage? {
    try await self.rows("class_id = ?", .integer(id.value)).first
  }

  package func visibleRows(_ page: PageRequest) async throws -> Page<InquiryMypage> {
    try await self.context.page(
      page, select: InquiryMypage.columns, from: "inquiry_mypage", columns: Self.sortable,
      id: InquiryMypage.key, where: Self.isVisible
    ) { try InquiryMypage(row: $0) }
  }

  package func visibleRows(of classID: ClassID) async throws -> [InquiryMypage] {
    try await self.rows("class_id = ?", .integer(classID.value))
  }

  package func visibleRows(ofPayment paymentID: PaymentID) async throws -> [InquiryMypage] {
    try await self.rows("payment_id = ?", .integer(paymentID.value))
  }

  package func visibleRows(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<InquiryMypage> {
    try await self.context.page(
      page, select: InquiryMypage.columns, from: "inquiry_mypage", columns: Self.sortable,
      id: InquiryMypage.key, where: "student = ?", [.text(student)]
    ) { try InquiryMypage(row: $0) }
  }

  /// For conditions that hold for one row at most.
  private func rows(_ condition: String, _ argument: SQLValue) async throws -> [InquiryMypage] {
    let query = """
      SELECT \(InquiryMypage.columns) FROM inquiry_mypage
      WHERE \(condition) AND \(Self.isVisible) ORDER BY class_id
      """
    return try await self.context.read { connection in
      try connection.rows(query, [argument]).map(InquiryMypage.init(row:))
    }
  }
}

/// One unit of work on the view.
struct SQLMyPageTransaction: MyPageTransaction {
  let connection: any SQLConnection

  func row(of classID: ClassID) throws -> InquiryMypage? {
    try self.connection.row(
      "SELECT \(InquiryMypage.columns) FROM inquiry_mypage WHERE class_id = ?",
      [.integer(classID.value)]
    ).map(InquiryMypage.init(row:))
  }

  func save(_ row: InquiryMypage) throws {
    try self.connection.execute(InquiryMypage.upsert, row.values)
  }
}
