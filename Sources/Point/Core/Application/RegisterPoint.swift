import Kernel

/// The command to earn points, issued when a class was paid.
package struct RegisterPoint: Hashable, Sendable {
  package let paid: PaidFee

  package init(for paid: PaidFee) {
    self.paid = paid
  }

  /// The points stay pending until ``SettlePending`` has the gift. A payment that has points, in
  /// whatever state, earns no others (traps T9, T11); nothing paid earns nothing (trap T7).
  package func perform(in tx: any PointTransaction) throws {
    guard !self.paid.fee.isFree, try tx.point(of: self.paid.paymentID) == nil else { return }
    let student = try tx.student(of: self.paid.classID, told: self.paid.student)
    try tx.save(
      Point(id: try tx.nextPointID(), paid: self.paid.by(student), status: .pending))
  }
}
