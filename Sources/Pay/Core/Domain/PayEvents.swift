/// What can happen in Pay.
package enum PayEvent: Hashable, Sendable {
  case paymentApproved(PaymentApproved)
  case paymentCanceled(PaymentCanceled)
}

/// A student's money was taken.
package struct PaymentApproved: Hashable, Sendable {
  /// As it was at that moment.
  package let payment: Payment

  package init(payment: Payment) {
    self.payment = payment
  }
}

/// A student's money was given back.
package struct PaymentCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let payment: Payment

  package init(payment: Payment) {
    self.payment = payment
  }
}
