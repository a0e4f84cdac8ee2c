import Kernel

/// The command to note that a course is gone for good, issued when a course was deleted.
package struct WithdrawCourse: Hashable, Sendable {
  package let courseID: CourseID

  package init(_ courseID: CourseID) {
    self.courseID = courseID
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    var course = try tx.course(self.courseID) ?? OfferedCourse(id: self.courseID)
    course.delete()
    try Roster(in: tx, .standard).keep(course)
  }
}
