import Kernel

/// The command to give the money for one class back, issued by somebody who runs the system.
///
/// The class does not outlive its payment: Enrollment hears of the refund and cancels it.
package struct RefundPayment: Hashable, Sendable {
  package let classID: ClassID

  package init(of classID: ClassID) {
    self.classID = classID
  }

  /// - Returns: The payment given back, now or before.
  /// - Throws: ``PaymentError/notPaid(_:)``. Nothing is remembered then: a slip of the pen must not
  ///   lock a class out that will have this number.
  package func perform(in tx: any PayTransaction) throws -> Payment {
    guard try tx.payment(of: self.classID) != nil,
      let payment = try CancelPayment(of: self.classID).perform(in: tx)
    else { throw PaymentError.notPaid(self.classID) }
    return payment
  }
}
