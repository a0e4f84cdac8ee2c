import Kernel

/// What Pay refuses to do.
package enum PaymentError: DomainError, Hashable {
  case notFound(PaymentID)
  /// A free class needs no payment, and zero won earn no points and no gift (trap T7).
  case nothingToPay(ClassID)

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("payment", id.description)
    case .nothingToPay: .invalid([FieldProblem("fee", "must be above 0")])
    }
  }
}
