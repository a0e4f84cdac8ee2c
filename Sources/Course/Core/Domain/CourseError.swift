import Kernel

/// What Course refuses to do.
package enum CourseError: DomainError, Hashable {
  case invalid([FieldProblem])
  case notFound(CourseID)
  case deliveryNotFound(DeliveryID)
  /// Somebody is enrolled, so the course cannot be deleted (trap T32).
  case hasEnrollments(CourseID)
  /// A canceled course is not changed any more.
  case canceled(CourseID)
  case notCanceled(CourseID)
  /// How far the cancellation of the course has come cannot be found out now.
  case progressUnknown(CourseID)
  /// Enrollment could not be asked, or its answer did not come.
  case enrollmentUnavailable(String)

  package var problem: Problem {
    switch self {
    case .invalid(let fields): .invalid(fields)
    case .notFound(let id): .notFound("course", id.description)
    case .deliveryNotFound(let id): .notFound("delivery", id.description)
    case .hasEnrollments(let id):
      .conflict(
        "course-has-enrollments", title: "Somebody is enrolled in the course",
        detail: "course \(id) cannot be deleted while somebody is enrolled in it")
    case .canceled(let id):
      .conflict(
        "course-canceled", title: "The course is canceled",
        detail: "course \(id) is canceled and cannot be changed")
    case .notCanceled(let id): .notFound("cancellation of course", id.description)
    case .progressUnknown:
      .unavailable("how far the cancellation has come cannot be found out now")
    case .enrollmentUnavailable:
      .unavailable("it cannot be found out now whether somebody is enrolled in the course")
    }
  }
}
