import Kernel

/// What becomes of a student's wish before any money moves.
enum Acceptance: Hashable, Sendable {
  /// The same command was answered with this.
  case answeredBefore(Enrollment)
  /// The course is free.
  case registered(Enrollment)
  /// Pending.
  case toBePaid(Enrollment)
}

/// The first transaction of ``EnrollStudent``: checks the terms and keeps a pending class.
struct AcceptClass: Sendable {
  private let command: RegisterClass
  private let key: CommandKey?
  /// nil when the catalog was not asked.
  private let catalogAnswer: CatalogAnswer?
  private let now: Timestamp

  init(
    _ command: RegisterClass, as key: CommandKey?, catalogAnswer: CatalogAnswer?,
    at now: Timestamp
  ) {
    self.command = command
    self.key = key
    self.catalogAnswer = catalogAnswer
    self.now = now
  }

  /// - Returns: nil when the catalog must be asked first.
  func perform(in tx: any EnrollmentTransaction) throws -> Acceptance? {
    if let key = self.key, let earlier = try RegistrationAnswer.recall(key, in: tx) {
      return .answeredBefore(earlier)
    }
    if let problem = Enrollment.studentRule.check(self.command.student) {
      throw EnrollmentError.invalid([problem])
    }
    guard let terms = try self.terms(in: tx) else { return nil }
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
    var enrollment = Enrollment(
      id: try tx.nextClassID(), courseID: self.command.courseID, terms: terms,
      student: self.command.student, status: .pending, acceptedAt: self.now)
    if terms.fee.isFree, let registered = enrollment.register() {
      try tx.raise(.classRegistered(registered))
    }
    try tx.save(enrollment)
    let isRegistered = enrollment.status == .registered
    if let key = self.key {
      try RegistrationAnswer(enrollment, isGiven: isRegistered).remember(as: key, in: tx)
    }
    return isRegistered ? .registered(enrollment) : .toBePaid(enrollment)
  }

  /// The terms the student and the course agree on; nil when the catalog must be asked first.
  private func terms(in tx: any EnrollmentTransaction) throws -> CourseTerms? {
    var course = try self.openCourse(in: tx)
    if let answer = self.catalogAnswer {
      try self.refresh(&course, by: answer)
      try tx.save(course)
    }
    guard let terms = course.terms else { return nil }
    if let said = self.command.expectedFee, said != terms.fee {
      // A student may know a newer price than the own copy does.
      if self.catalogAnswer == nil { return nil }
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
  private func refresh(_ course: inout OfferedCourse, by answer: CatalogAnswer) throws {
    switch answer {
    case .terms(let terms): course.refresh(terms)
    case .noSuchCourse: throw EnrollmentError.courseNotFound(course.id)
    case .unknown(let reason):
      if course.terms == nil { throw EnrollmentError.courseUnknown(course.id, reason: reason) }
    }
  }
}
