import AdaptorSupport
import EnrollmentCore
import Kernel
import Storage

/// The lines for full courses, in SQL.
enum SQLWaitlist {
  static let migration = Migration(
    name: "enrollment-003",
    // One live place a course and student, whatever the code does.
    sql: """
      CREATE TABLE waitlist (
        id INTEGER PRIMARY KEY,
        course_id INTEGER NOT NULL,
        student TEXT NOT NULL,
        state TEXT NOT NULL,
        joined_at INTEGER NOT NULL,
        offer_expires_at INTEGER NULL,
        class_id INTEGER NULL,
        CHECK ((state = 'OFFERED') = (offer_expires_at IS NOT NULL)),
        CHECK ((state = 'TAKEN') = (class_id IS NOT NULL))
      ) STRICT;
      CREATE UNIQUE INDEX live_place ON waitlist (course_id, student)
        WHERE state IN ('WAITING', 'OFFERED');
      CREATE INDEX waiting_place ON waitlist (course_id, id) WHERE state = 'WAITING';
      CREATE INDEX offered_place ON waitlist (offer_expires_at) WHERE state = 'OFFERED';
      CREATE INDEX place_by_student ON waitlist (student);
      """)

  /// Word for word the condition of the index `live_place`: else SQLite does not use it.
  static let isLive = "state IN ('WAITING', 'OFFERED')"
  static let columns =
    "id, course_id, student, state, joined_at, offer_expires_at, class_id"
  /// Counts those before it in the index `waiting_place`: for readers, not for the writer.
  static let columnsWithPosition = """
    \(Self.columns), CASE WHEN state = 'WAITING' THEN (
      SELECT count(*) FROM waitlist AS earlier
      WHERE earlier.course_id = waitlist.course_id AND earlier.state = 'WAITING'
        AND earlier.id <= waitlist.id) END
    """
  static let sortable = [
    "id": "id", "courseId": "course_id", "student": "student", "state": "state",
    "joinedAt": "joined_at", "offerExpiresAt": "offer_expires_at", "classId": "class_id",
  ]
}

extension SQLEnrollmentStore {
  package func place(_ id: WaitlistID) async throws -> WaitlistPlace? {
    try await self.context.read { connection in
      try connection.row(
        "SELECT \(SQLWaitlist.columnsWithPosition) FROM waitlist WHERE id = ?",
        [.integer(id.value)]
      ).map(WaitlistPlace.init(row:))
    }
  }

  package func places(
    _ page: PageRequest, liveOfStudent student: String?
  ) async throws -> Page<WaitlistPlace> {
    guard let student else { return try await self.places(page, where: SQLWaitlist.isLive, []) }
    return try await self.places(
      page, where: "student = ? AND \(SQLWaitlist.isLive)", [.text(student)])
  }

  package func places(
    ofStudent student: String, _ page: PageRequest
  ) async throws -> Page<WaitlistPlace> {
    try await self.places(page, where: "student = ?", [.text(student)])
  }

  package func places(
    ofCourse courseID: CourseID, _ page: PageRequest
  ) async throws -> Page<WaitlistPlace> {
    try await self.places(
      page, where: "course_id = ? AND \(SQLWaitlist.isLive)", [.integer(courseID.value)])
  }

  private func places(
    _ page: PageRequest, where condition: String, _ arguments: [SQLValue]
  ) async throws -> Page<WaitlistPlace> {
    try await self.context.page(
      page, select: SQLWaitlist.columnsWithPosition, from: "waitlist",
      columns: SQLWaitlist.sortable, where: condition, arguments
    ) { try WaitlistPlace(row: $0) }
  }

  package func overdueOffers(
    at limit: Timestamp, atMost count: Int
  ) async throws -> [WaitlistEntry] {
    try await self.context.read { connection in
      try connection.rows(
        """
        SELECT \(SQLWaitlist.columns) FROM waitlist
        WHERE state = 'OFFERED' AND offer_expires_at <= ? ORDER BY offer_expires_at LIMIT ?
        """,
        [.integer(limit.microseconds), .integer(Int64(count))]
      ).map(WaitlistEntry.init(row:))
    }
  }
}

extension SQLEnrollmentTransaction {
  /// Places are never deleted.
  func nextWaitlistID() throws -> WaitlistID {
    WaitlistID(
      try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM waitlist") ?? 1)
  }

  func entry(_ id: WaitlistID) throws -> WaitlistEntry? {
    try self.unit.connection.row(
      "SELECT \(SQLWaitlist.columns) FROM waitlist WHERE id = ?", [.integer(id.value)]
    ).map(WaitlistEntry.init(row:))
  }

  func liveEntry(of student: String, in courseID: CourseID) throws -> WaitlistEntry? {
    try self.unit.connection.row(
      """
      SELECT \(SQLWaitlist.columns) FROM waitlist
      WHERE course_id = ? AND student = ? AND \(SQLWaitlist.isLive)
      """,
      [.integer(courseID.value), .text(student)]
    ).map(WaitlistEntry.init(row:))
  }

  func liveEntries(in courseID: CourseID) throws -> [WaitlistEntry] {
    try self.unit.connection.rows(
      """
      SELECT \(SQLWaitlist.columns) FROM waitlist
      WHERE course_id = ? AND \(SQLWaitlist.isLive) ORDER BY id
      """,
      [.integer(courseID.value)]
    ).map(WaitlistEntry.init(row:))
  }

  func firstWaiting(in courseID: CourseID) throws -> WaitlistEntry? {
    try self.unit.connection.row(
      """
      SELECT \(SQLWaitlist.columns) FROM waitlist
      WHERE course_id = ? AND state = 'WAITING' ORDER BY id LIMIT 1
      """,
      [.integer(courseID.value)]
    ).map(WaitlistEntry.init(row:))
  }

  func save(_ rostered: Rostered<WaitlistEntry>) throws {
    let entry = rostered.value
    try self.unit.connection.execute(
      """
      INSERT INTO waitlist (\(SQLWaitlist.columns)) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, offer_expires_at = excluded.offer_expires_at,
        class_id = excluded.class_id
      """,
      [
        .integer(entry.id.value), .integer(entry.courseID.value), .text(entry.student),
        .text(entry.state.rawValue), .integer(entry.joinedAt.microseconds),
        .integer(entry.offerExpiresAt?.microseconds), .integer(entry.classID?.value),
      ])
  }
}

// MARK: - Rows

extension WaitlistEntry {
  init(row: SQLRow) throws {
    guard let state = State(rawValue: row.text(3)) else {
      throw UnknownStoredValue(column: "waitlist.state", value: row.text(3))
    }
    self.init(
      id: WaitlistID(row.integer(0)), courseID: CourseID(row.integer(1)), student: row.text(2),
      state: state, joinedAt: Timestamp(microseconds: row.integer(4)),
      offerExpiresAt: row.optionalInteger(5).map { Timestamp(microseconds: $0) },
      classID: row.optionalInteger(6).map { ClassID($0) })
  }
}

extension WaitlistPlace {
  init(row: SQLRow) throws {
    self.init(try WaitlistEntry(row: row), position: row.optionalInteger(7))
  }
}
