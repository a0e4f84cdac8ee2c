import Kernel

/// The command to name another student, issued when the student of a class was changed (trap T34).
package struct CorrectStudent: Hashable, Sendable {
  package let correction: StudentCorrection

  package init(_ correction: StudentCorrection) {
    self.correction = correction
  }

  /// The points of the class, and what is made for it later, have the corrected name. It makes
  /// no event: whoever wants to know hears it from Enrollment.
  package func perform(in tx: any PointTransaction) throws {
    guard try tx.keep(self.correction) else { return }
    for var point in try tx.points(of: self.correction.classID) {
      point.correct(student: self.correction.student)
      try tx.save(point)
    }
  }
}
