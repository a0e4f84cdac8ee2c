import Kernel

/// Shows every payment, and tells of one again that others seem not to have heard of.
package struct AuditPayments: PayAuditPort {
  private let store: any PayStore

  package init(store: any PayStore) {
    self.store = store
  }

  package func payments(
    afterClass first: ClassID, throughClass last: ClassID?, atMost count: Int
  ) async throws -> [Payment] {
    try await self.store.payments(afterClass: first, throughClass: last, atMost: count)
  }

  /// The one event without a transition (trap T15): somebody who runs the system asks for it, and
  /// every policy on it bears repeats (trap T9).
  package func repeatNews(of classID: ClassID, because cause: Cause) async throws -> PayEvent {
    try await self.store.transact(because: cause) { tx in
      guard let payment = try tx.payment(of: classID) else { throw PaymentError.notPaid(classID) }
      let event: PayEvent =
        switch payment.status {
        case .completed: .paymentApproved(PaymentApproved(payment: payment))
        case .canceled: .paymentCanceled(PaymentCanceled(payment: payment))
        }
      try tx.raise(event)
      return event
    }
  }
}
