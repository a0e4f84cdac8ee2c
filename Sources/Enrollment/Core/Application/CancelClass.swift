import Kernel

/// The command of a student who leaves a course.
package struct CancelClass: Hashable, Sendable {
  package let id: ClassID

  package init(_ id: ClassID) {
    self.id = id
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    guard var enrollment = try tx.enrollment(self.id) else {
      throw EnrollmentError.notFound(self.id)
    }
    let before = enrollment
    let canceled = enrollment.cancel()
    if enrollment != before { try tx.save(enrollment) }
    if let canceled { try tx.raise(.classCanceled(canceled)) }
  }
}
