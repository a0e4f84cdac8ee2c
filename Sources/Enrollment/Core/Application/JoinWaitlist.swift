import Kernel

/// The command of a student who wants to wait for a seat in a full course.
package struct JoinWaitlist: Hashable, Sendable {
  package let courseID: CourseID
  package let student: String

  package init(courseID: CourseID, student: String) {
    self.courseID = courseID
    self.student = student.normalized
  }

  func commandKey(_ key: IdempotencyKey, of caller: Caller) -> CommandKey {
    CommandKey(
      caller: caller.name, operation: "join-waitlist", key: key,
      fingerprint: FieldText.encode([self.courseID.description, self.student]))
  }
}

/// What becomes of a student's wish to wait.
enum Joining: Hashable, Sendable {
  case placed(WaitlistPlace)
  /// The refusal is kept under the command's key.
  case refused(EnrollmentError)
  /// Nothing is known of the course yet.
  case askCatalog(seenVersion: Int64)
}

/// Puts a student into a course's line, or says why not: before the student waits for nothing.
struct TakePlace: Sendable {
  let command: JoinWaitlist
  let key: CommandKey?
  /// nil when the catalog was not asked.
  let lookup: CatalogLookup?
  let seats: SeatPolicy

  func perform(in tx: any EnrollmentTransaction) throws -> Joining {
    if let key = self.key, let answer = try tx.recall(key) {
      if let problem = RefusedAnswer.problem(answer) { throw problem }
      return .placed(try WaitlistPlace(answer: answer))
    }
    do {
      return try self.decide(in: tx)
    } catch {
      guard let key = self.key, let refusal = error as? EnrollmentError, refusal.isDecision else {
        throw error
      }
      try tx.remember(RefusedAnswer.text(refusal.problem), as: key)
      return .refused(refusal)
    }
  }

  private func decide(in tx: any EnrollmentTransaction) throws -> Joining {
    let student = self.command.student
    if let problem = Enrollment.studentRule.check(student) {
      throw EnrollmentError.invalid([problem])
    }
    let course = try CourseReading(
      courseID: self.command.courseID, lookup: self.lookup, seats: self.seats
    ).openCourse(in: tx)
    guard course.offer != nil else { return .askCatalog(seenVersion: course.version) }
    let roster = Roster(in: tx, self.seats)
    try roster.checkRoom(for: student, in: course)
    guard try tx.liveEntry(of: student, in: course.id) == nil else {
      throw EnrollmentError.alreadyWaiting(course.id, student: student)
    }
    guard !course.hasSeatForNewcomer else { throw EnrollmentError.courseHasSeats(course.id) }
    let place = try roster.join(student, course)
    if let key = self.key { try tx.remember(place.answer, as: key) }
    return .placed(place)
  }
}

/// A place as it was given: a repeat of the command gets that, though the line has moved since.
extension WaitlistPlace {
  fileprivate var answer: String {
    FieldText.encode([
      self.entry.id.description, self.entry.courseID.description, self.entry.student,
      String(self.entry.joinedAt.microseconds), String(self.position ?? 0),
    ])
  }

  fileprivate init(answer: String) throws {
    guard let fields = FieldText.decode(answer), fields.count == 5, let id = Int64(fields[0]),
      let courseID = Int64(fields[1]), let joinedAt = Int64(fields[3]),
      let position = Int64(fields[4])
    else { throw UnreadableAnswer(answer) }
    self.init(
      WaitlistEntry(
        id: WaitlistID(id), courseID: CourseID(courseID), student: fields[2],
        joinedAt: Timestamp(microseconds: joinedAt)),
      position: position)
  }
}
