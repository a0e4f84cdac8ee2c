import Kernel

/// The command to take nobody in for a course any more, issued before the course is deleted.
package struct CloseCourse: Hashable, Sendable {
  package let courseID: CourseID

  package init(_ courseID: CourseID) {
    self.courseID = courseID
  }

  /// One transaction looks for students and closes the door, so that nobody slips in between
  /// (trap T32).
  package func perform(in tx: any EnrollmentTransaction) throws {
    guard try !tx.hasActiveEnrollments(in: self.courseID) else {
      throw EnrollmentError.courseHasEnrollments(self.courseID)
    }
    var course = try tx.course(self.courseID) ?? OfferedCourse(id: self.courseID)
    course.close()
    try Roster(in: tx, .standard).keep(course)
  }
}
