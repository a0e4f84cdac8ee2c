import Kernel

/// What becomes of a student's wish before any money moves.
enum Acceptance: Hashable, Sendable {
  /// The same command was answered with this.
  case answeredBefore(Enrollment)
  /// Pending. A free class is paid too, with nothing: so its book is delivered as any other's.
  case toBePaid(Enrollment)
  /// The refusal is kept under the command's key.
  case refused(EnrollmentError)
  /// The own copy of the course, of this version, does not settle the matter.
  case askCatalog(seenVersion: Int64)
}

/// The first transaction of ``EnrollStudent``: checks the terms and keeps a pending class.
struct AcceptClass: Sendable {
  private let command: RegisterClass
  private let key: CommandKey?
  /// nil when the catalog was not asked.
  private let lookup: CatalogLookup?
  /// nil when none is needed.
  private let turn: WaitingTicket?
  private let seats: SeatPolicy
  private let now: Timestamp

  init(
    _ command: RegisterClass, as key: CommandKey?, lookup: CatalogLookup?, turn: WaitingTicket?,
    seats: SeatPolicy, at now: Timestamp
  ) {
    self.command = command
    self.key = key
    self.lookup = lookup
    self.turn = turn
    self.seats = seats
    self.now = now
  }

  /// A refusal with a key is kept as the answer, so that a repeat does not enroll who was told no:
  /// that takes a new wish, with a key of its own.
  func perform(in tx: any EnrollmentTransaction) throws -> Acceptance {
    if let key = self.key,
      let earlier = try RegistrationAnswer.recall(key, at: self.now, in: tx)
    {
      return .answeredBefore(earlier)
    }
    do {
      return try self.decide(in: tx)
    } catch {
      guard let key = self.key, let refusal = error as? EnrollmentError, refusal.isDecision else {
        throw error
      }
      try RegistrationAnswer.refused(refusal.problem).remember(as: key, in: tx)
      return .refused(refusal)
    }
  }

  /// What it does before it refuses is whole by itself: the unit of work may be kept then.
  private func decide(in tx: any EnrollmentTransaction) throws -> Acceptance {
    let problems = [
      Enrollment.studentRule.check(self.command.student),
      self.command.saidTextBook.flatMap { Enrollment.textBookRule.check($0) },
    ].compactMap(\.self)
    guard problems.isEmpty else { throw EnrollmentError.invalid(problems) }
    let course = try CourseReading(
      courseID: self.command.courseID, lookup: self.lookup, seats: self.seats
    ).openCourse(in: tx)
    guard let terms = try self.terms(of: course) else {
      return .askCatalog(seenVersion: course.version)
    }
    let roster = Roster(in: tx, self.seats)
    try roster.checkRoom(for: self.command.student, in: course)
    let enrollment = Enrollment(
      id: try tx.nextClassID(), courseID: self.command.courseID, terms: terms,
      student: self.command.student, status: .pending, acceptedAt: self.now)
    try roster.admit(enrollment, to: course)
    if let turn = self.turn { try tx.useUp(turn) }
    if let key = self.key {
      try RegistrationAnswer.waiting(enrollment).remember(as: key, in: tx)
    }
    return .toBePaid(enrollment)
  }

  /// The terms the student and the course agree on; nil when the catalog must be asked first.
  private func terms(of course: OfferedCourse) throws -> CourseTerms? {
    guard let terms = course.terms else { return nil }
    if let said = self.command.expectedFee, said != terms.fee {
      // A student may know a newer price than the own copy does.
      if self.lookup == nil { return nil }
      throw EnrollmentError.feeMismatch(course.id, costs: terms.fee, said: said)
    }
    return terms
  }
}
