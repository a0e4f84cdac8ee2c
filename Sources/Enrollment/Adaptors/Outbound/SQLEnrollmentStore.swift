import AdaptorSupport
import EnrollmentCore
import Kernel
import Storage

/// Keeps enrollments, and the copies of courses, in SQL.
package struct SQLEnrollmentStore: EnrollmentStore {
  package static let migrations = SQLContext.migrations([
    Migration(
      name: "enrollment-001",
      // One active class a course and student, whatever the code does (trap T17).
      sql: """
        CREATE TABLE class (
          id INTEGER PRIMARY KEY,
          course_id INTEGER NOT NULL,
          fee INTEGER NOT NULL,
          text_book TEXT NOT NULL,
          student TEXT NOT NULL,
          status TEXT NOT NULL,
          decline_reason TEXT NULL,
          accepted_at INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX active_class ON class (course_id, student)
          WHERE status IN ('PENDING', 'REGISTERED');
        CREATE INDEX class_by_student ON class (student);
        CREATE INDEX pending_class ON class (accepted_at) WHERE status = 'PENDING';
        CREATE TABLE offered_course (
          id INTEGER PRIMARY KEY,
          fee INTEGER NULL,
          text_book TEXT NULL,
          version INTEGER NOT NULL,
          state TEXT NOT NULL
        ) STRICT;
        """),
    Migration(
      name: "enrollment-002",
      // How many classes a student may have is the course's matter now: the index only counts. The
      // trigger refuses to oversell whatever the code does (trap T29); a lower capacity alone does
      // not take seats away.
      sql: """
        DROP INDEX active_class;
        CREATE INDEX active_class ON class (course_id, student)
          WHERE status IN ('PENDING', 'REGISTERED');
        ALTER TABLE offered_course ADD COLUMN capacity INTEGER NULL CHECK (capacity >= 1);
        ALTER TABLE offered_course ADD COLUMN max_per_student INTEGER NOT NULL DEFAULT 1
          CHECK (max_per_student >= 0);
        ALTER TABLE offered_course ADD COLUMN seats_taken INTEGER NOT NULL DEFAULT 0
          CHECK (seats_taken >= 0);
        ALTER TABLE offered_course ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0
          CHECK (waiting >= 0);
        UPDATE offered_course SET seats_taken = (
          SELECT count(*) FROM class
          WHERE course_id = offered_course.id AND status IN ('PENDING', 'REGISTERED'));
        CREATE TRIGGER never_oversold BEFORE UPDATE OF seats_taken ON offered_course
          WHEN NEW.seats_taken > OLD.seats_taken AND NEW.seats_taken > NEW.capacity
          BEGIN SELECT RAISE(ABORT, 'the course would be oversold'); END;
        """),
    SQLWaitlist.migration,
    Migration(
      name: "enrollment-004",
      sql: """
        ALTER TABLE offered_course ADD COLUMN classes_to_cancel INTEGER NULL;
        CREATE INDEX course_being_canceled ON offered_course (id)
          WHERE state = 'CANCELED' AND seats_taken > 0;
        """),
  ])

  /// Word for word the condition of the index `active_class`: else SQLite does not use it.
  static let isActive = "status IN ('PENDING', 'REGISTERED')"
  private static let sortable = [
    "id": "id", "courseId": "course_id", "fee": "fee", "student": "student",
    "textBook": "text_book", "status": "status",
  ]

  let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer {
    try await self.context.transact(because: cause) {
      try work(SQLEnrollmentTransaction(unit: $0))
    }
  }

  package func enrollment(_ id: ClassID) async throws -> Enrollment? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(Enrollment.columns) FROM class WHERE id = ?", [.integer(id.value)]
      ).map(Enrollment.init(row:))
    }
  }

  package func activeEnrollments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Enrollment> {
    try await self.context.page(
      page, select: Enrollment.columns, from: "class", columns: Self.sortable,
      where: student == nil ? Self.isActive : "student = ? AND \(Self.isActive)",
      student.map { [.text($0)] } ?? []
    ) { try Enrollment(row: $0) }
  }

  package func enrollments(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<Enrollment> {
    try await self.context.page(
      page, select: Enrollment.columns, from: "class", columns: Self.sortable,
      where: "student = ?", [.text(student)]
    ) { try Enrollment(row: $0) }
  }

  package func pendingEnrollments(
    acceptedBefore limit: Timestamp, orAfter future: Timestamp, atMost count: Int
  ) async throws -> [Enrollment] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(Enrollment.columns) FROM class
        WHERE status = 'PENDING' AND (accepted_at < ? OR accepted_at > ?)
        ORDER BY accepted_at LIMIT ?
        """,
        [
          .integer(limit.microseconds), .integer(future.microseconds), .integer(Int64(count)),
        ]
      ).map(Enrollment.init(row:))
    }
  }

  package func enrollments(
    after first: ClassID, through last: ClassID?, atMost count: Int
  ) async throws -> [Enrollment] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(Enrollment.columns) FROM class WHERE id > ? AND id <= ? ORDER BY id LIMIT ?
        """,
        [
          .integer(first.value), .integer(last?.value ?? Int64.max), .integer(Int64(count)),
        ]
      ).map(Enrollment.init(row:))
    }
  }

  package func coursesBeingCanceled(atMost count: Int) async throws -> [CourseID] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT id FROM offered_course
        WHERE state = 'CANCELED' AND seats_taken > 0 ORDER BY id LIMIT ?
        """,
        [.integer(Int64(count))]
      ).map { CourseID($0.integer(0)) }
    }
  }

  package func cancellationProgress(
    of courseID: CourseID
  ) async throws -> CancellationProgress {
    try await self.context.read { connection in
      let remaining =
        try connection.integer(
          "SELECT count(*) FROM class WHERE course_id = ? AND \(Self.isActive)",
          [.integer(courseID.value)]) ?? 0
      let total = try connection.integer(
        "SELECT classes_to_cancel FROM offered_course WHERE id = ?", [.integer(courseID.value)])
      return CancellationProgress(
        isHeard: total != nil, total: total ?? remaining, remaining: remaining)
    }
  }
}
