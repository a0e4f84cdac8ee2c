import AdaptorSupport
import CourseCore
import Kernel
import Storage

/// One unit of work on Course's tables.
struct SQLCourseTransaction: CourseTransaction {
  let unit: SQLUnit

  // MARK: Courses

  /// SQLite keeps the highest id that the table ever had, in the transaction of its insert.
  func nextCourseID() throws -> CourseID {
    let last = try self.unit.connection.integer(
      "SELECT seq FROM sqlite_sequence WHERE name = 'course'")
    return CourseID((last ?? 0) + 1)
  }

  func course(_ id: CourseID) throws -> Course? {
    try self.unit.connection.row(
      "SELECT \(Course.columns) FROM course WHERE id = ?", [.integer(id.value)]
    ).map(Course.init(row:))
  }

  func save(_ course: Course) throws {
    try self.unit.connection.execute(
      """
      INSERT INTO course (\(Course.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, teacher = excluded.teacher, fee = excluded.fee,
        text_book = excluded.text_book, closing_since = excluded.closing_since,
        capacity = excluded.capacity, max_per_student = excluded.max_per_student,
        canceled_at = excluded.canceled_at, canceled_classes = excluded.canceled_classes
      """,
      [
        .integer(course.id.value), .text(course.details.name), .text(course.details.teacher),
        .integer(course.details.fee.won), .text(course.details.textBook),
        .integer(course.closingSince?.microseconds),
        .integer(course.details.seats.capacity),
        .integer(course.details.seats.maxPerStudent),
        .integer(course.cancellation?.startedAt.microseconds),
        .integer(course.cancellation?.classes),
      ])
  }

  func remove(_ id: CourseID) throws {
    try self.unit.connection.execute("DELETE FROM course WHERE id = ?", [.integer(id.value)])
  }

  // MARK: Deliveries

  /// Deliveries are never deleted.
  func nextDeliveryID() throws -> DeliveryID {
    DeliveryID(
      try self.unit.connection.integer("SELECT coalesce(max(id), 0) + 1 FROM delivery") ?? 1)
  }

  func delivery(of paymentID: PaymentID) throws -> Delivery? {
    try self.unit.connection.row(
      "SELECT \(Delivery.columns) FROM delivery WHERE payment_id = ?",
      [.integer(paymentID.value)]
    ).map(Delivery.init(row:))
  }

  func deliveries(of classID: ClassID) throws -> [Delivery] {
    try self.unit.connection.rows(
      "SELECT \(Delivery.columns) FROM delivery WHERE class_id = ? ORDER BY id",
      [.integer(classID.value)]
    ).map(Delivery.init(row:))
  }

  func save(_ delivery: Delivery) throws {
    let order = delivery.order
    try self.unit.connection.execute(
      """
      INSERT INTO delivery (\(Delivery.columns)) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, student = excluded.student
      """,
      [
        .integer(delivery.id.value), .integer(order.paymentID.value),
        .integer(order.classID.value), .integer(order.courseID.value), .text(order.student),
        .text(order.textBook), .text(delivery.status.rawValue),
      ])
  }

  // MARK: Students, commands and events

  func rememberedCommand(_ key: CommandKey) throws -> RememberedCommand? {
    try self.unit.rememberedCommand(key)
  }

  func remember(_ command: RememberedCommand, as key: CommandKey) throws {
    try self.unit.remember(command, as: key)
  }

  func studentCorrection(of classID: ClassID) throws -> StudentCorrection? {
    try self.unit.studentCorrection(of: classID)
  }

  func remember(_ correction: StudentCorrection) throws {
    try self.unit.remember(correction)
  }

  func raise(_ event: CourseEvent) throws {
    try event.publish(in: self.unit)
  }
}

// MARK: - Rows

extension Course {
  static let columns = """
    id, name, teacher, fee, text_book, closing_since, capacity, max_per_student, canceled_at,
    canceled_classes
    """

  init(row: SQLRow) throws {
    do {
      self.init(
        id: CourseID(row.integer(0)),
        details: try CourseDetails(
          name: row.text(1), teacher: row.text(2), fee: try Money(won: row.integer(3)),
          textBook: row.text(4),
          seats: SeatLimits(
            capacity: row.optionalInteger(6), maxPerStudent: row.integer(7))),
        closingSince: row.optionalInteger(5).map { Timestamp(microseconds: $0) },
        cancellation: row.optionalInteger(8).map {
          Cancellation(
            startedAt: Timestamp(microseconds: $0), classes: row.optionalInteger(9))
        })
    } catch {
      // Not the caller's fault, as the error of the core would say.
      throw UnknownStoredValue(column: "course", value: "\(row.integer(0)): \(error)")
    }
  }
}

extension Delivery {
  static let columns = "id, payment_id, class_id, course_id, student, text_book, status"

  init(row: SQLRow) throws {
    guard let status = Status(rawValue: row.text(6)) else {
      throw UnknownStoredValue(column: "delivery.status", value: row.text(6))
    }
    self.init(
      id: DeliveryID(row.integer(0)),
      order: TextbookOrder(
        paymentID: PaymentID(row.integer(1)), classID: ClassID(row.integer(2)),
        courseID: CourseID(row.integer(3)), student: row.text(4), textBook: row.text(5)),
      status: status)
  }
}
