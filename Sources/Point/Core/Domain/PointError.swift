import Kernel

/// What Point refuses to do.
package enum PointError: DomainError, Hashable {
  case notFound(PointID)

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("point", id.description)
    }
  }
}
