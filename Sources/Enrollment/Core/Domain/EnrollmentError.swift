import Kernel

/// What Enrollment refuses to do.
package enum EnrollmentError: DomainError, Hashable {
  case invalid([FieldProblem])
  case notFound(ClassID)
  case courseNotFound(CourseID)
  case courseClosed(CourseID)
  /// Nothing is known of the course, and Course does not answer.
  case courseUnknown(CourseID, reason: String)
  case feeMismatch(CourseID, costs: Money, said: Money)
  case alreadyEnrolled(CourseID, student: String)
  case paymentDeclined(reason: String)
  /// The class was canceled while its payment was under way.
  case classCanceled(ClassID)
  case termsFixed(ClassID, field: String)
  /// Whether the class is paid is not known yet, so its student cannot change.
  case classPending(ClassID)
  case courseHasEnrollments(CourseID)
  /// Every seat is taken, or kept for somebody in line.
  case courseFull(CourseID)
  /// Who could enroll need not wait.
  case courseHasSeats(CourseID)
  /// The student is in line for the course, or has been offered a seat.
  case alreadyWaiting(CourseID, student: String)
  case placeNotFound(WaitlistID)

  package var problem: Problem {
    switch self {
    case .invalid(let fields): .invalid(fields)
    case .notFound(let id): .notFound("class", id.description)
    case .placeNotFound(let id): .notFound("place on a waitlist", id.description)
    case .courseNotFound(let id): .notFound("course", id.description)
    case .courseUnknown(let id, _):
      .unavailable("the terms of course \(id) are not known yet, and Course cannot answer now")
    case .paymentDeclined(let reason):
      Problem(
        .declined, code: "payment-declined", title: "The payment was declined",
        detail: "Pay declined the payment: \(reason)")
    case .courseClosed(let id):
      .conflict(
        "course-closed", title: "The course takes nobody in", detail: "course \(id) is closed")
    case .feeMismatch(let id, let costs, let said):
      .conflict(
        "fee-mismatch", title: "The fee has changed",
        detail: "course \(id) costs \(costs.won), the request said \(said.won)")
    case .alreadyEnrolled(let id, let student):
      .conflict(
        "already-enrolled", title: "The student is in this course already",
        detail: "\(student) is enrolled in course \(id)")
    case .classCanceled(let id):
      .conflict(
        "class-canceled", title: "The class was canceled",
        detail: "class \(id) was canceled while its payment was under way")
    case .termsFixed(let id, let field):
      .conflict(
        "terms-fixed", title: "The terms of a class do not change",
        detail: "\(field) of class \(id) stays as accepted; cancel it and register another")
    case .classPending(let id):
      .conflict(
        "class-pending", title: "The class is not complete yet",
        detail: "whether class \(id) is paid is not known yet; change it when it is")
    case .courseHasEnrollments(let id):
      .conflict(
        "course-has-enrollments", title: "Somebody is enrolled in the course",
        detail: "course \(id) cannot be closed while somebody is enrolled in it")
    case .courseFull(let id):
      .conflict(
        "course-full", title: "The course is full",
        detail: "every seat of course \(id) is taken; the student may join its waitlist")
    case .courseHasSeats(let id):
      .conflict(
        "course-has-seats", title: "The course has free seats",
        detail: "nobody need wait for course \(id); the student may enroll")
    case .alreadyWaiting(let id, let student):
      .conflict(
        "already-waiting", title: "The student is in line already",
        detail: "\(student) waits for a seat in course \(id), or has been offered one")
    }
  }

  /// What was decided, and is said again to a repeat with the same idempotency key. A request that
  /// was wrong, or that nobody could decide, was not carried out and may come again.
  var isDecision: Bool {
    switch self.problem.kind {
    case .conflict, .declined, .notFound: true
    case .invalid, .keyReused, .unavailable, .tooMany, .failed, .forbidden: false
    }
  }
}
