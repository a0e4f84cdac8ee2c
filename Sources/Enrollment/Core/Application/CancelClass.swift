import Kernel

/// The command of a student who leaves a course.
package struct CancelClass: Hashable, Sendable {
  package let id: ClassID
  private let seats: SeatPolicy

  package init(_ id: ClassID, seats: SeatPolicy = .standard) {
    self.id = id
    self.seats = seats
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    guard var enrollment = try tx.enrollment(self.id) else {
      throw EnrollmentError.notFound(self.id)
    }
    let before = enrollment
    let canceled = enrollment.cancel()
    // Before what follows from it: the seat may go to the next in line.
    if let canceled { try tx.raise(.classCanceled(canceled)) }
    try Roster(in: tx, self.seats).update(enrollment, from: before)
  }
}
