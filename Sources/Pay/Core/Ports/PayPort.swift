import Kernel

/// What callers may ask of Pay.
package protocol PayPort: Sendable {
  /// Takes the money for a class, at most once however often it is asked.
  ///
  /// - Throws: ``PaymentError/invalid(_:)``, ``PaymentError/paidForOtherTerms(_:)``.
  func approve(_ command: ApprovePayment, by caller: Caller) async throws -> PaymentDecision

  /// Gives the money for a class back, at most once; the class is canceled in consequence.
  ///
  /// - Returns: The payment given back, now or before.
  /// - Throws: ``PaymentError/notPaid(_:)``.
  func refund(_ classID: ClassID, by caller: Caller) async throws -> Payment

  /// - Throws: ``PaymentError/notFound(_:)``.
  func payment(_ id: PaymentID, by caller: Caller) async throws -> Payment

  func payments(_ page: PageRequest, by caller: Caller) async throws -> Page<Payment>

  func payments(of classID: ClassID, by caller: Caller) async throws -> [Payment]
}

/// Pay's answer, which stays the same when it is asked again.
package enum PaymentDecision: Hashable, Sendable {
  case approved(Payment)
  case declined(DeclineReason)
}
