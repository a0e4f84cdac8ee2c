import Kernel

/// The command to name another student, issued when the student of a class was changed (trap T34).
package struct CorrectStudent: Hashable, Sendable {
  package let correction: StudentCorrection

  package init(_ correction: StudentCorrection) {
    self.correction = correction
  }

  /// The deliveries of the class, and what is made for it later, have the corrected name. It makes
  /// no event: whoever wants to know hears it from Enrollment.
  package func perform(in tx: any CourseTransaction) throws {
    guard try tx.keep(self.correction) else { return }
    for var delivery in try tx.deliveries(of: self.correction.classID) {
      delivery.correct(student: self.correction.student)
      try tx.save(delivery)
    }
  }
}
