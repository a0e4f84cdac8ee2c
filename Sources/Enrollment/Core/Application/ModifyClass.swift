import Kernel

/// The command to give a class to another student.
package struct ModifyClass: Hashable, Sendable {
  package let id: ClassID
  package let change: ClassChange
  private let seats: SeatPolicy

  package init(_ id: ClassID, _ change: ClassChange, seats: SeatPolicy = .standard) {
    self.id = id
    self.change = change
    self.seats = seats
  }

  package func perform(in tx: any EnrollmentTransaction) throws -> Enrollment {
    guard let before = try tx.enrollment(self.id) else { throw EnrollmentError.notFound(self.id) }
    var enrollment = before
    let modified = try enrollment.modify(self.change)
    guard enrollment != before else { return before }
    let roster = Roster(in: tx, self.seats)
    let course = try tx.course(enrollment.courseID) ?? OfferedCourse(id: enrollment.courseID)
    try roster.checkRoom(for: enrollment.student, in: course)
    try roster.update(enrollment, from: before)
    if let modified { try tx.raise(.classModified(modified)) }
    return enrollment
  }
}
