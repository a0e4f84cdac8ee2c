import Kernel

/// What the catalog said, and what the own copy was when it was asked.
struct CatalogLookup: Hashable, Sendable {
  let answer: CatalogAnswer
  let seenVersion: Int64
}

/// Reads the own copy of a course, with what the catalog said meanwhile.
struct CourseReading: Sendable {
  let courseID: CourseID
  /// nil when the catalog was not asked.
  let lookup: CatalogLookup?
  let seats: SeatPolicy

  /// - Throws: ``EnrollmentError`` when the course is closed, deleted, or nowhere known.
  func openCourse(in tx: any EnrollmentTransaction) throws -> OfferedCourse {
    var course = try tx.course(self.courseID) ?? OfferedCourse(id: self.courseID)
    switch course.state {
    case .open: break
    case .closed, .canceled: throw EnrollmentError.courseClosed(self.courseID)
    case .deleted: throw EnrollmentError.courseNotFound(self.courseID)
    }
    guard let lookup = self.lookup else { return course }
    try self.refresh(&course, by: lookup)
    return try Roster(in: tx, self.seats).keep(course)
  }

  /// Without an answer the own copy has to do, if there is one (R20).
  private func refresh(_ course: inout OfferedCourse, by lookup: CatalogLookup) throws {
    switch lookup.answer {
    case .offer(let offer): course.refresh(offer, seenVersion: lookup.seenVersion)
    case .canceled: throw EnrollmentError.courseClosed(course.id)
    case .noSuchCourse: throw EnrollmentError.courseNotFound(course.id)
    case .unknown(let reason):
      if course.offer == nil { throw EnrollmentError.courseUnknown(course.id, reason: reason) }
    }
  }
}
