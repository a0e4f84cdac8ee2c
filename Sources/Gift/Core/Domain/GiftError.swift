import Kernel

/// What Gift refuses to do.
package enum GiftError: DomainError, Hashable {
  case notFound(GiftID)
  case noGift(of: ClassID)
  /// Nothing paid, no gift (trap T7).
  case nothingPaid
  /// The payment has a gift, but for another class or fee.
  case givenForOtherTerms(PaymentID)

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("gift", id.description)
    case .noGift(let classID): .notFound("gift of class", classID.description)
    case .nothingPaid: .invalid([FieldProblem("fee", "must be above 0")])
    case .givenForOtherTerms(let id):
      .conflict(
        "given-for-other-terms", title: "The gift was given on other terms",
        detail: "the gift for payment \(id) is for another class or fee")
    }
  }
}
