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
  package let types = ["CourseRegistered", "CourseModified", "CourseDeleted"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let unit = self.context.unit(connection, because: event.cause)
    let tx = SQLEnrollmentTransaction(unit: unit)
    switch event.type {
    case "CourseRegistered":
      let course = try event.message(CourseV1.CourseRegistered.self)
      let terms = CourseTerms(fee: try Money(won: course.fee), textBook: course.textBook)
      try OfferCourse(CourseID(course.id), terms, version: event.sequence).perform(in: tx)
    case "CourseModified":
      let course = try event.message(CourseV1.CourseModified.self)
      let terms = CourseTerms(fee: try Money(won: course.fee), textBook: course.textBook)
      try OfferCourse(CourseID(course.id), terms, version: event.sequence).perform(in: tx)
    case "CourseDeleted":
      let course = try event.message(CourseV1.CourseDeleted.self)
      try WithdrawCourse(CourseID(course.id)).perform(in: tx)
    default:
      break
    }
  }
}
