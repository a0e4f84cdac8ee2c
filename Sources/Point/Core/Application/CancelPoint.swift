import Kernel

/// The command to take points back, issued when the payment was given back.
package struct CancelPoint: Hashable, Sendable {
  package let paid: PaidFee

  package init(for paid: PaidFee) {
    self.paid = paid
  }

  /// When the cancellation overtakes the payment, canceled points are kept, and none are earned
  /// when the payment comes (trap T11): the ledger never hears of them. Pay heard of a change of the student before it gave the
  /// money back, so its name is good while Point has not heard (trap T34).
  package func perform(in tx: any PointTransaction) throws {
    guard !self.paid.fee.isFree else { return }
    var point =
      try tx.point(of: self.paid.paymentID)
      ?? Point(id: try tx.nextPointID(), paid: self.paid, status: .pending)
    point.correct(student: try tx.student(of: self.paid.classID, told: self.paid.student))
    if let canceled = point.cancel() {
      try tx.record(.pointCanceled(canceled))
    }
  }
}
