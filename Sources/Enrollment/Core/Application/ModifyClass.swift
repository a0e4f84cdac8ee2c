import Kernel

/// The command to give a class to another student.
package struct ModifyClass: Hashable, Sendable {
  package let id: ClassID
  package let change: ClassChange

  package init(_ id: ClassID, _ change: ClassChange) {
    self.id = id
    self.change = change
  }

  package func perform(in tx: any EnrollmentTransaction) throws -> Enrollment {
    guard let before = try tx.enrollment(self.id) else { throw EnrollmentError.notFound(self.id) }
    var enrollment = before
    let modified = try enrollment.modify(self.change)
    guard enrollment != before else { return before }
    guard try tx.activeEnrollment(of: enrollment.student, in: enrollment.courseID) == nil else {
      throw EnrollmentError.alreadyEnrolled(enrollment.courseID, student: enrollment.student)
    }
    try tx.save(enrollment)
    if let modified { try tx.raise(.classModified(modified)) }
    return enrollment
  }
}
