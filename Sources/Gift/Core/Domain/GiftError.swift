import Kernel

/// What Gift refuses to do.
package enum GiftError: DomainError, Hashable {
  case notFound(GiftID)
  case noGift(of: ClassID)
  /// Nothing paid, no gift (trap T7).
  case nothingPaid

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("gift", id.description)
    case .noGift(let classID): .notFound("gift of class", classID.description)
    case .nothingPaid: .invalid([FieldProblem("fee", "must be above 0")])
    }
  }
}
