import Kernel

/// The command to end a course with whoever is in it, issued when Course canceled it (X1).
///
/// It only closes the door, in one transaction with the line and the number of classes;
/// ``CancelClasses`` lets those in it go.
package struct CancelCourse: Hashable, Sendable {
  package let courseID: CourseID

  package init(_ courseID: CourseID) {
    self.courseID = courseID
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    try Roster(in: tx, .standard).cancel(self.courseID)
  }
}
