import AdaptorSupport
import Contracts
import EnrollmentCore
import Kernel

extension EnrollmentEvent {
  /// Enrollment's events as the others read them.
  func publish(in unit: SQLUnit) throws {
    switch self {
    case .classRegistered(let event):
      let enrollment = event.enrollment
      try unit.raise(
        "ClassRegistered", about: .class(enrollment.id),
        message: EnrollmentV1.ClassRegistered(
          id: enrollment.id.value, courseID: enrollment.courseID.value,
          fee: enrollment.terms.fee.won, student: enrollment.student,
          textBook: enrollment.terms.textBook))
    case .classModified(let event):
      let enrollment = event.enrollment
      try unit.raise(
        "ClassModified", about: .class(enrollment.id),
        message: EnrollmentV1.ClassModified(
          id: enrollment.id.value, courseID: enrollment.courseID.value,
          fee: enrollment.terms.fee.won, student: enrollment.student))
    case .classCanceled(let event):
      let enrollment = event.enrollment
      try unit.raise(
        "ClassCanceled", about: .class(enrollment.id),
        message: EnrollmentV1.ClassCanceled(
          id: enrollment.id.value, courseID: enrollment.courseID.value,
          fee: enrollment.terms.fee.won, student: enrollment.student,
          textBook: enrollment.terms.textBook))
    case .seatOffered(let event):
      let entry = event.entry
      try unit.raise(
        "SeatOffered", about: .course(entry.courseID),
        message: EnrollmentV1.SeatOffered(
          id: entry.id.value, courseID: entry.courseID.value, student: entry.student,
          expiresAt: entry.offerExpiresAt?.rfc3339 ?? ""))
    case .seatOfferExpired(let event):
      let entry = event.entry
      try unit.raise(
        "SeatOfferExpired", about: .course(entry.courseID),
        message: EnrollmentV1.SeatOfferExpired(
          id: entry.id.value, courseID: entry.courseID.value, student: entry.student))
    }
  }
}
