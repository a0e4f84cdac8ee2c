import Storage

/// I3, I7: what must hold of the seats of every course after each unit of work in Enrollment's
/// store, whatever runs at the same time.
///
/// It counts classes and places in line by itself and compares them with what was there before.
struct SeatWatch: Sendable {
  /// A course, and what there is for it.
  private struct Course: Equatable {
    let capacity: Int64?
    let maxPerStudent: Int64
    let seatsTaken: Int64
    let waitingCount: Int64
    let isOpen: Bool
    /// Goes up with the news of the course, several of which may be taken in as one unit of work.
    let version: Int64
    let live: Int64
    let offered: Int64
    let waiting: Int64
    let firstWaiting: Int64?
    /// Of those who were offered a seat.
    let lastServed: Int64?

    init(row: SQLRow) {
      self.capacity = row.optionalInteger(1)
      self.maxPerStudent = row.integer(2)
      self.seatsTaken = row.integer(3)
      self.waitingCount = row.integer(4)
      self.isOpen = row.text(5) == "OPEN"
      self.version = row.integer(6)
      self.live = row.integer(7)
      self.offered = row.integer(8)
      self.waiting = row.integer(9)
      self.firstWaiting = row.optionalInteger(10)
      self.lastServed = row.optionalInteger(11)
    }

    var hasFreeSeat: Bool { self.capacity.map { self.live + self.offered < $0 } ?? true }
  }

  private struct Seat: Hashable {
    let course: Int64
    let student: String
  }

  private static let courses = """
    SELECT id, capacity, max_per_student, seats_taken, waiting, state, version,
      (SELECT count(*) FROM class
        WHERE course_id = offered_course.id AND status IN ('PENDING', 'REGISTERED')),
      coalesce(offered, 0), coalesce(lined, 0), first_waiting, last_served
    FROM offered_course LEFT JOIN (
      SELECT course_id, count(*) FILTER (WHERE state = 'OFFERED') AS offered,
        count(*) FILTER (WHERE state = 'WAITING') AS lined,
        min(id) FILTER (WHERE state = 'WAITING') AS first_waiting,
        max(id) FILTER (WHERE state IN ('OFFERED', 'TAKEN', 'EXPIRED')) AS last_served
      FROM waitlist GROUP BY course_id
    ) ON course_id = offered_course.id
    """
  private static let repeats = """
    SELECT course_id, student, count(*) FROM class WHERE status IN ('PENDING', 'REGISTERED')
    GROUP BY course_id, student HAVING count(*) > 1
    """
  private static let newClasses = """
    SELECT id, course_id, student,
      EXISTS (SELECT 1 FROM waitlist WHERE class_id = class.id AND state = 'TAKEN')
    FROM class WHERE id > ? ORDER BY id
    """

  private var courses: [Int64: Course] = [:]
  /// Students who are in a course more than once, and how often.
  private var repeats: [Seat: Int64] = [:]
  /// nil before the first look.
  private var lastClass: Int64?
  private var told: Set<Violation> = []

  /// - Returns: what is wrong now and was not wrong before.
  mutating func look(_ connection: any SQLConnection) throws -> [Violation] {
    var violations: [Violation] = []
    var courses: [Int64: Course] = [:]
    for row in try connection.rows(Self.courses) {
      let (id, course) = (row.integer(0), Course(row: row))
      courses[id] = course
      guard course != self.courses[id] else { continue }
      violations += Self.check(id, course, since: self.courses[id])
    }
    violations += try self.checkNewClasses(connection, courses)
    violations += try self.checkRepeats(connection, courses)
    self.courses = courses
    return violations.filter { self.told.insert($0).inserted }
  }

  private static func check(
    _ id: Int64, _ course: Course, since before: Course?
  ) -> [Violation] {
    let taken = course.live + course.offered
    var wrong: [String] = []
    if course.seatsTaken != taken {
      wrong.append(
        "counts \(course.seatsTaken) seats, classes and offers have \(taken)")
    }
    if course.waitingCount != course.waiting {
      wrong.append("counts \(course.waitingCount) in line, there are \(course.waiting)")
    }
    // A lower capacity takes nobody's seat; but nobody gets one then. When several pieces of news
    // were taken in, the seats may have been offered between a higher capacity and a lower one.
    if let before, taken > before.live + before.offered, let capacity = course.capacity,
      taken > capacity, course.live > before.live || course.version == before.version
    {
      wrong.append("has \(capacity) seats, and \(taken) were given")
    }
    if course.isOpen, course.waiting > 0, course.hasFreeSeat {
      wrong.append("lets \(course.waiting) wait while a seat is free")
    }
    if let first = course.firstWaiting, let last = course.lastServed, last > first {
      wrong.append("served place \(last) before place \(first)")
    }
    if !course.isOpen, course.waiting + course.offered > 0 {
      wrong.append("takes nobody in and has a line")
    }
    return wrong.map { Violation(.i3, "course \(id) \($0)") }
  }

  /// Nobody overtakes those in line.
  private mutating func checkNewClasses(
    _ connection: any SQLConnection, _ courses: [Int64: Course]
  ) throws -> [Violation] {
    let last = try connection.integer("SELECT max(id) FROM class") ?? 0
    defer { self.lastClass = last }
    guard let known = self.lastClass, last > known else { return [] }
    let rows = try connection.rows(Self.newClasses, [.integer(known)])
    return rows.compactMap { row in
      let hadOffer = row.integer(3) != 0
      guard !hadOffer, let course = courses[row.integer(1)], course.waiting > 0 else { return nil }
      return Violation(
        .i3, "\(row.text(2)) overtook \(course.waiting) in line for course \(row.integer(1))")
    }
  }

  /// A lower limit lets those in the course be; but nobody comes in over it.
  private mutating func checkRepeats(
    _ connection: any SQLConnection, _ courses: [Int64: Course]
  ) throws -> [Violation] {
    let isFirst = self.courses.isEmpty
    var repeats: [Seat: Int64] = [:]
    var violations: [Violation] = []
    for row in try connection.rows(Self.repeats) {
      let seat = Seat(course: row.integer(0), student: row.text(1))
      let count = row.integer(2)
      repeats[seat] = count
      guard !isFirst, count > self.repeats[seat] ?? 1,
        let most = courses[seat.course]?.maxPerStudent,
        most > 0, count > most
      else { continue }
      violations.append(
        Violation(
          .i3, "\(seat.student) has \(count) classes of course \(seat.course), of \(most) allowed"
        ))
    }
    self.repeats = repeats
    return violations
  }
}
