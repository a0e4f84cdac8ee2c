import Kernel

/// What Alert refuses to do.
package enum AlertError: DomainError, Hashable {
  case notFound(AlertID)

  package var problem: Problem {
    switch self {
    case .notFound(let id): .notFound("alert", id.description)
    }
  }
}
