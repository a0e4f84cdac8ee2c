import Kernel

/// The command to give the money for one class back, issued when the class is canceled.
package struct CancelPayment: Hashable, Sendable {
  package let classID: ClassID

  package init(of classID: ClassID) {
    self.classID = classID
  }

  /// The cancellation may overtake the payment; it is remembered, so that the payment is declined
  /// when it comes (trap T11).
  ///
  /// - Returns: The payment given back, now or before; nil when there has been none.
  @discardableResult
  package func perform(in tx: any PayTransaction) throws -> Payment? {
    guard var payment = try tx.payment(of: self.classID) else {
      try tx.rememberCanceled(self.classID)
      return nil
    }
    if let canceled = payment.cancel() {
      try tx.save(payment)
      try tx.raise(.paymentCanceled(canceled))
    }
    return payment
  }
}
