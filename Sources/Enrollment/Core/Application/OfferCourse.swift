import Kernel

/// The command to note a course and its terms, issued when a course was registered or modified.
package struct OfferCourse: Hashable, Sendable {
  package let courseID: CourseID
  package let terms: CourseTerms
  /// The event's sequence: older news does not replace newer.
  package let version: Int64

  package init(_ courseID: CourseID, _ terms: CourseTerms, version: Int64) {
    self.courseID = courseID
    self.terms = terms
    self.version = version
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    var course = try tx.course(self.courseID) ?? OfferedCourse(id: self.courseID)
    course.learn(self.terms, version: self.version)
    try tx.save(course)
  }
}
