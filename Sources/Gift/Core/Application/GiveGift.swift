import Kernel

/// The command to give the gifts for one payment.
package struct GiveGift: Hashable, Sendable {
  package let paymentID: PaymentID
  package let classID: ClassID
  package let fee: Money
  package let student: String

  package init(paymentID: PaymentID, classID: ClassID, fee: Money, student: String) {
    self.paymentID = paymentID
    self.classID = classID
    self.fee = fee
    self.student = student
  }

  /// Decides once a payment. Who asks again, not having heard the answer, hears it then (trap T42).
  package func perform(in tx: any GiftTransaction) throws -> GiftDecision {
    if let earlier = try tx.gift(of: self.paymentID) {
      guard earlier.classID == self.classID, earlier.fee == self.fee else {
        throw GiftError.givenForOtherTerms(self.paymentID)
      }
      return earlier.status == .granted ? .given(earlier) : .revoked
    }
    if try tx.isRevoked(self.paymentID) { return .revoked }
    guard !self.fee.isFree else { throw GiftError.nothingPaid }

    let gift = Gift(
      id: try tx.nextGiftID(), paymentID: self.paymentID, classID: self.classID, fee: self.fee,
      student: try tx.student(of: self.classID, told: self.student), status: .granted)
    try tx.record(.giftRegistered(GiftRegistered(gift: gift)))
    return .given(gift)
  }
}
