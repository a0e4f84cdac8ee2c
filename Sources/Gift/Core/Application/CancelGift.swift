import Kernel

/// The command to take gifts back, issued when the points of the payment were canceled.
package struct CancelGift: Hashable, Sendable {
  package let paymentID: PaymentID

  package init(of paymentID: PaymentID) {
    self.paymentID = paymentID
  }

  /// The cancellation may overtake the gift; it is remembered, so that none is given when it is
  /// asked for (traps T11, T41).
  package func perform(in tx: any GiftTransaction) throws {
    guard var gift = try tx.gift(of: self.paymentID) else {
      return try tx.rememberRevoked(self.paymentID)
    }
    if let canceled = gift.revoke() {
      try tx.save(gift)
      try tx.raise(.giftCanceled(canceled))
    }
  }
}
