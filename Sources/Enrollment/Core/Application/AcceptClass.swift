import Kernel

/// What becomes of a student's wish before any money moves.
enum Acceptance: Hashable, Sendable {
  /// The same command was answered with this.
  case answeredBefore(Enrollment)
  /// Pending. A free class is paid too, with nothing: so its book is delivered as any other's.
  case toBePaid(Enrollment)
  /// The own copy of the course, of this version, does not settle the matter.
  case askCatalog(seenVersion: Int64)
}

/// What the catalog said, and what the own copy was when it was asked.
struct CatalogLookup: Hashable, Sendable {
  let answer: CatalogAnswer
  let seenVersion: Int64
}

/// The first transaction of ``EnrollStudent``: checks the terms and keeps a pending class.
struct AcceptClass: Sendable {
  private let command: RegisterClass
  private let key: CommandKey?
  /// nil when the catalog was not asked.
  private let lookup: CatalogLookup?
  private let now: Timestamp

  init(
    _ command: RegisterClass, as key: CommandKey?, lookup: CatalogLookup?, at now: Timestamp
  ) {
    self.command = command
    self.key = key
    self.lookup = lookup
    self.now = now
  }

  func perform(in tx: any EnrollmentTransaction) throws -> Acceptance {
    if let key = self.key,
      let earlier = try RegistrationAnswer.recall(key, at: self.now, in: tx)
    {
      return .answeredBefore(earlier)
    }
    let problems = [
      Enrollment.studentRule.check(self.command.student),
      self.command.saidTextBook.flatMap { Enrollment.textBookRule.check($0) },
    ].compactMap(\.self)
    guard problems.isEmpty else { throw EnrollmentError.invalid(problems) }
    let course = try self.course(in: tx)
    guard let terms = try self.terms(of: course) else {
      return .askCatalog(seenVersion: course.version)
    }
    guard
      try tx.activeEnrollment(of: self.command.student, in: self.command.courseID) == nil
    else {
      throw EnrollmentError.alreadyEnrolled(
        self.command.courseID, student: self.command.student)
    }
    return try self.accept(terms, in: tx)
  }

  private func accept(
    _ terms: CourseTerms, in tx: any EnrollmentTransaction
  ) throws -> Acceptance {
    let enrollment = Enrollment(
      id: try tx.nextClassID(), courseID: self.command.courseID, terms: terms,
      student: self.command.student, status: .pending, acceptedAt: self.now)
    try tx.save(enrollment)
    if let key = self.key {
      try RegistrationAnswer(enrollment, isGiven: false).remember(as: key, in: tx)
    }
    return .toBePaid(enrollment)
  }

  /// The own copy of the course, with what the catalog said.
  private func course(in tx: any EnrollmentTransaction) throws -> OfferedCourse {
    var course = try self.openCourse(in: tx)
    if let lookup = self.lookup {
      try self.refresh(&course, by: lookup)
      try tx.save(course)
    }
    return course
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

  private func openCourse(in tx: any EnrollmentTransaction) throws -> OfferedCourse {
    let id = self.command.courseID
    let course = try tx.course(id) ?? OfferedCourse(id: id)
    switch course.state {
    case .open: return course
    case .closed: throw EnrollmentError.courseClosed(id)
    case .deleted: throw EnrollmentError.courseNotFound(id)
    }
  }

  /// Without an answer the own copy has to do, if there is one (R20).
  private func refresh(_ course: inout OfferedCourse, by lookup: CatalogLookup) throws {
    switch lookup.answer {
    case .terms(let terms): course.refresh(terms, seenVersion: lookup.seenVersion)
    case .noSuchCourse: throw EnrollmentError.courseNotFound(course.id)
    case .unknown(let reason):
      if course.terms == nil { throw EnrollmentError.courseUnknown(course.id, reason: reason) }
    }
  }
}
