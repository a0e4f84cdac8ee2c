import Kernel

/// The command to end a class whose payment was given back, issued when Pay says so.
///
/// Mostly Pay gave it back because the class was canceled; then nothing is left to do. A refund that
/// somebody asked Pay for by hand ends the class, so that nobody stays enrolled without a payment.
package struct CancelRefundedClass: Hashable, Sendable {
  package let id: ClassID
  private let seats: SeatPolicy

  package init(_ id: ClassID, seats: SeatPolicy = .standard) {
    self.id = id
    self.seats = seats
  }

  package func perform(in tx: any EnrollmentTransaction) throws {
    guard try tx.enrollment(self.id)?.isActive == true else { return }
    try CancelClass(self.id, seats: self.seats).perform(in: tx)
  }
}
