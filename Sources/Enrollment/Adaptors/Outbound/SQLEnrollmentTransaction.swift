import AdaptorSupport
import EnrollmentCore
import Kernel
import Storage

/// One unit of work on Enrollment's tables.
struct SQLEnrollmentTransaction: EnrollmentTransaction {
  let unit: SQLUnit

  var now: Timestamp { self.unit.now }

  // MARK: Classes

  /// Classes are never deleted (trap T35).
  func nextClassID() throws -> ClassID {
    ClassID(try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM class") ?? 1)
  }

  func enrollment(_ id: ClassID) throws -> Enrollment? {
    try self.unit.connection.row(
      "SELECT \(Enrollment.columns) FROM class WHERE id = ?", [.integer(id.value)]
    ).map(Enrollment.init(row:))
  }

  /// Looks at no more than `most` entries of the index, however many there are.
  func activeClasses(
    of student: String, in courseID: CourseID, countingTo most: Int64
  ) throws -> Int64 {
    try self.unit.connection.integer(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM class
        WHERE course_id = ? AND student = ? AND \(SQLEnrollmentStore.isActive) LIMIT ?)
      """,
      [.integer(courseID.value), .text(student), .integer(most)]) ?? 0
  }

  func hasActiveEnrollments(in courseID: CourseID) throws -> Bool {
    try self.unit.connection.integer(
      "SELECT 1 FROM class WHERE course_id = ? AND \(SQLEnrollmentStore.isActive) LIMIT 1",
      [.integer(courseID.value)]) != nil
  }

  func activeClasses(in courseID: CourseID, atMost count: Int) throws -> [ClassID] {
    try self.unit.connection.rows(
      "SELECT id FROM class WHERE course_id = ? AND \(SQLEnrollmentStore.isActive) LIMIT ?",
      [.integer(courseID.value), .integer(Int64(count))]
    ).map { ClassID($0.integer(0)) }
  }

  func save(_ rostered: Rostered<Enrollment>) throws {
    let enrollment = rostered.value
    try self.unit.connection.execute(
      """
      INSERT INTO class (\(Enrollment.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        student = excluded.student, status = excluded.status,
        decline_reason = excluded.decline_reason
      """,
      [
        .integer(enrollment.id.value), .integer(enrollment.courseID.value),
        .integer(enrollment.terms.fee.won), .text(enrollment.terms.textBook),
        .text(enrollment.student), .text(enrollment.status.rawValue),
        .text(enrollment.declineReason), .integer(enrollment.acceptedAt.microseconds),
      ])
  }

  // MARK: Courses

  func course(_ id: CourseID) throws -> OfferedCourse? {
    try self.unit.connection.row(
      "SELECT \(OfferedCourse.columns) FROM offered_course WHERE id = ?", [.integer(id.value)]
    ).map(OfferedCourse.init(row:))
  }

  func save(_ rostered: Rostered<OfferedCourse>) throws {
    let course = rostered.value
    try self.unit.connection.execute(
      """
      INSERT INTO offered_course (\(OfferedCourse.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        fee = excluded.fee, text_book = excluded.text_book, version = excluded.version,
        state = excluded.state, capacity = excluded.capacity,
        max_per_student = excluded.max_per_student, seats_taken = excluded.seats_taken,
        waiting = excluded.waiting, classes_to_cancel = excluded.classes_to_cancel
      """,
      [
        .integer(course.id.value), .integer(course.terms?.fee.won), .text(course.terms?.textBook),
        .integer(course.version), .text(course.state.rawValue),
        .integer(course.limits.capacity), .integer(course.limits.maxPerStudent),
        .integer(course.seatsTaken), .integer(course.waiting),
        .integer(course.classesToCancel),
      ])
  }

  // MARK: Turns

  func useUp(_ turn: WaitingTicket) throws {
    try SQLWaitingRoomStore.useUp(turn, at: self.now, in: self.unit.connection)
  }

  func giveBack(_ turn: WaitingTicket) throws {
    try SQLWaitingRoomStore.giveBack(turn, in: self.unit.connection)
  }

  // MARK: Commands and events

  func rememberedCommand(_ key: CommandKey) throws -> RememberedCommand? {
    try self.unit.rememberedCommand(key)
  }

  func remember(_ command: RememberedCommand, as key: CommandKey) throws {
    try self.unit.remember(command, as: key)
  }

  func raise(_ event: EnrollmentEvent) throws {
    try event.publish(in: self.unit)
  }
}

// MARK: - Rows

extension Enrollment {
  static let columns =
    "id, course_id, fee, text_book, student, status, decline_reason, accepted_at"

  init(row: SQLRow) throws {
    guard let status = Status(rawValue: row.text(5)) else {
      throw UnknownStoredValue(column: "class.status", value: row.text(5))
    }
    self.init(
      id: ClassID(row.integer(0)), courseID: CourseID(row.integer(1)),
      terms: CourseTerms(fee: try Money(won: row.integer(2)), textBook: row.text(3)),
      student: row.text(4), status: status, declineReason: row.optionalText(6),
      acceptedAt: Timestamp(microseconds: row.integer(7)))
  }
}

extension OfferedCourse {
  static let columns = """
    id, fee, text_book, version, state, capacity, max_per_student, seats_taken, waiting,
    classes_to_cancel
    """

  init(row: SQLRow) throws {
    guard let state = State(rawValue: row.text(4)) else {
      throw UnknownStoredValue(column: "offered_course.state", value: row.text(4))
    }
    let limits = try SeatLimits(capacity: row.optionalInteger(5), maxPerStudent: row.integer(6))
    let fee = try row.optionalInteger(1).map { try Money(won: $0) }
    self.init(
      id: CourseID(row.integer(0)),
      offer: fee.map {
        CourseOffer(
          CourseTerms(fee: $0, textBook: row.optionalText(2) ?? ""), limits: limits)
      },
      version: row.integer(3), state: state, seatsTaken: row.integer(7), waiting: row.integer(8),
      classesToCancel: row.optionalInteger(9))
  }
}
