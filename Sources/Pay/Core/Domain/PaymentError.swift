import Kernel

/// What Pay refuses to do.
package enum PaymentError: DomainError, Hashable {
  case invalid([FieldProblem])
  case notFound(PaymentID)
  case notPaid(ClassID)
  /// The class has a payment, but for another course, fee or student.
  case paidForOtherTerms(ClassID)

  package var problem: Problem {
    switch self {
    case .invalid(let fields): .invalid(fields)
    case .notFound(let id): .notFound("payment", id.description)
    case .notPaid(let id): .notFound("payment of class", id.description)
    case .paidForOtherTerms(let id):
      .conflict(
        "paid-for-other-terms", title: "The class was paid for on other terms",
        detail: "the payment of class \(id) is for another course, fee or student")
    }
  }
}
