import Kernel

/// The command to take gifts back, issued when the points of the payment were canceled.
package struct CancelGift: Hashable, Sendable {
  package let paymentID: PaymentID
  package let classID: ClassID
  package let student: String

  package init(of paymentID: PaymentID, classID: ClassID, student: String) {
    self.paymentID = paymentID
    self.classID = classID
    self.student = student
  }

  /// The cancellation may overtake the gift; it is remembered, so that none is given when it is
  /// asked for (traps T11, T41). Point may have heard of a change of the student before Gift did,
  /// so its name is good until then (trap T34).
  package func perform(in tx: any GiftTransaction) throws {
    guard var gift = try tx.gift(of: self.paymentID) else {
      return try tx.rememberRevoked(self.paymentID)
    }
    gift.correct(student: try tx.student(of: self.classID, told: self.student))
    if let canceled = gift.revoke() {
      try tx.record(.giftCanceled(canceled))
    }
  }
}
