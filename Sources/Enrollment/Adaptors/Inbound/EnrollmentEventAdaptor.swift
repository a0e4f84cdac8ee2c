import AdaptorSupport
import Contracts
import EnrollmentCore
import EventLog
import Kernel
import Storage

/// Enrollment's policies on the events of Course: the own copy of every course follows them, so
/// that students can enroll while Course is down (R20, X3).
package struct EnrollmentEventAdaptor: EventHandler {
  package let source = "course"
  package let types = [
    "CourseRegistered", "CourseModified", "CourseDeleted", "CourseCanceled",
  ]
  private let context: SQLContext
  private let seats: SeatPolicy

  package init(_ context: SQLContext, seats: SeatPolicy = .standard) {
    self.context = context
    self.seats = seats
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let unit = self.context.unit(connection, because: event.cause)
    let tx = SQLEnrollmentTransaction(unit: unit)
    switch event.type {
    case "CourseRegistered":
      let course = try event.message(CourseV1.CourseRegistered.self)
      let offer = try CourseOffer(
        won: course.fee, textBook: course.textBook, capacity: course.capacity,
        maxPerStudent: course.maxPerStudent)
      try OfferCourse(CourseID(course.id), offer, version: event.sequence, seats: self.seats)
        .perform(in: tx)
    case "CourseModified":
      let course = try event.message(CourseV1.CourseModified.self)
      let offer = try CourseOffer(
        won: course.fee, textBook: course.textBook, capacity: course.capacity,
        maxPerStudent: course.maxPerStudent)
      try OfferCourse(CourseID(course.id), offer, version: event.sequence, seats: self.seats)
        .perform(in: tx)
    case "CourseDeleted":
      let course = try event.message(CourseV1.CourseDeleted.self)
      try WithdrawCourse(CourseID(course.id)).perform(in: tx)
    case "CourseCanceled":
      let course = try event.message(CourseV1.CourseCanceled.self)
      try CancelCourse(CourseID(course.id)).perform(in: tx)
    default:
      break
    }
  }
}

extension CourseOffer {
  /// What Course says of a course; without a word of its limits they are the standard.
  ///
  /// - Throws: when no course can have such a fee or such limits.
  init(won: Int64, textBook: String, capacity: Int64?, maxPerStudent: Int64?) throws {
    self.init(
      CourseTerms(fee: try Money(won: won), textBook: textBook),
      limits: try SeatLimits(capacity: capacity, maxPerStudent: maxPerStudent ?? 1))
  }
}
