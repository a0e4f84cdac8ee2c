import AdaptorSupport
import CourseCore
import Kernel
import Storage

/// Keeps courses and deliveries in SQL.
package struct SQLCourseStore: CourseStore {
  package static let migrations = SQLContext.migrations(
    [
      Migration(
        name: "course-001",
        // AUTOINCREMENT, since courses are deleted and their ids must not come back.
        sql: """
          CREATE TABLE course (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            teacher TEXT NOT NULL,
            fee INTEGER NOT NULL,
            text_book TEXT NOT NULL,
            closing_since INTEGER NULL
          ) STRICT;
          CREATE INDEX closing_course ON course (closing_since) WHERE closing_since IS NOT NULL;
          CREATE TABLE delivery (
            id INTEGER PRIMARY KEY,
            payment_id INTEGER NOT NULL UNIQUE,
            class_id INTEGER NOT NULL,
            course_id INTEGER NOT NULL,
            student TEXT NOT NULL,
            text_book TEXT NOT NULL,
            status TEXT NOT NULL
          ) STRICT;
          CREATE INDEX delivery_by_class ON delivery (class_id);
          """)
    ] + SQLStudentMemory.migrations + [
      Migration(
        name: "course-002",
        sql: """
          ALTER TABLE course ADD COLUMN capacity INTEGER NULL CHECK (capacity >= 1);
          ALTER TABLE course ADD COLUMN max_per_student INTEGER NOT NULL DEFAULT 1
            CHECK (max_per_student >= 0);
          """),
      Migration(
        name: "course-003",
        sql: """
          ALTER TABLE course ADD COLUMN canceled_at INTEGER NULL;
          ALTER TABLE course ADD COLUMN canceled_classes INTEGER NULL
            CHECK (canceled_classes >= 0);
          CREATE INDEX canceling_course ON course (id)
            WHERE canceled_at IS NOT NULL AND canceled_classes IS NULL;
          """),
      // Students look at their own.
      Migration(
        name: "course-004", sql: "CREATE INDEX delivery_by_student ON delivery (student);"),
    ])

  private static let sortableCourses = [
    "id": "id", "name": "name", "teacher": "teacher", "fee": "fee", "textBook": "text_book",
    "capacity": "capacity", "maxPerStudent": "max_per_student",
  ]
  private static let sortableDeliveries = [
    "id": "id", "classId": "class_id", "courseId": "course_id", "paymentId": "payment_id",
    "student": "student", "textBook": "text_book", "status": "status",
  ]

  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any CourseTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: cause) { try work(SQLCourseTransaction(unit: $0)) }
  }

  // MARK: Courses

  package func openCourse(_ id: CourseID) async throws -> Course? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Course.columns) FROM course WHERE id = ? AND closing_since IS NULL",
        [.integer(id.value)]
      ).map(Course.init(row:))
    }
  }

  package func openCourses(_ page: PageRequest) async throws -> Page<Course> {
    try await self.context.page(
      page, select: Course.columns, from: "course", columns: Self.sortableCourses,
      where: "closing_since IS NULL AND canceled_at IS NULL"
    ) { try Course(row: $0) }
  }

  package func coursesBeingCanceled(atMost count: Int) async throws -> [Course] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(Course.columns) FROM course
        WHERE canceled_at IS NOT NULL AND canceled_classes IS NULL ORDER BY id LIMIT ?
        """,
        [.integer(Int64(count))]
      ).map(Course.init(row:))
    }
  }

  package func coursesClosing(
    since limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Course] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(Course.columns) FROM course
        WHERE closing_since < ? OR closing_since > ? ORDER BY closing_since LIMIT ?
        """,
        [
          .integer(limit.microseconds), .integer(future.microseconds), .integer(Int64(count)),
        ]
      ).map(Course.init(row:))
    }
  }

  // MARK: Deliveries

  package func delivery(_ id: DeliveryID) async throws -> Delivery? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Delivery.columns) FROM delivery WHERE id = ?", [.integer(id.value)]
      ).map(Delivery.init(row:))
    }
  }

  package func deliveries(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Delivery> {
    try await self.context.page(
      page, select: Delivery.columns, from: "delivery", columns: Self.sortableDeliveries,
      where: student.map { _ in "student = ?" }, student.map { [.text($0)] } ?? []
    ) { try Delivery(row: $0) }
  }

  package func deliveries(of classID: ClassID) async throws -> [Delivery] {
    try await self.context.read { connection in
      try connection.rows(
        "SELECT \(Delivery.columns) FROM delivery WHERE class_id = ? ORDER BY id",
        [.integer(classID.value)]
      ).map(Delivery.init(row:))
    }
  }
}
