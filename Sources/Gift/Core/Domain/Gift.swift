import Kernel

/// The gifts a student gets for one payment. At most one grant a payment (trap T41).
package struct Gift: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable, CaseIterable {
    case granted = "GRANTED"
    case revoked = "REVOKED"
  }

  package let id: GiftID
  package let paymentID: PaymentID
  package let classID: ClassID
  package let fee: Money
  package private(set) var student: String
  package private(set) var status: Status

  package init(
    id: GiftID, paymentID: PaymentID, classID: ClassID, fee: Money, student: String,
    status: Status
  ) {
    self.id = id
    self.paymentID = paymentID
    self.classID = classID
    self.fee = fee
    self.student = student
    self.status = status
  }

  /// How many gifts there are, none once they are revoked: the sum of the ledger's entries for the
  /// payment.
  package var giftstock: Int32 {
    self.status == .revoked ? 0 : GiftTier.giftstock(for: self.fee)
  }

  /// The class has another student.
  package mutating func correct(student: String) {
    self.student = student
  }

  /// - Returns: What happened, or nil when it was revoked before (trap T15).
  package mutating func revoke() -> GiftCanceled? {
    guard self.status == .granted else { return nil }
    self.status = .revoked
    return GiftCanceled(gift: self)
  }
}
