import AdaptorSupport
import AlertCore
import Contracts
import EventLog
import Kernel
import Storage

/// Alert's one policy, for each of the sources it follows: who is concerned by an event is told.
package struct AlertEventAdaptor: EventHandler {
  private static let types = [
    "class": [
      "ClassRegistered", "ClassModified", "ClassCanceled", "SeatOffered", "SeatOfferExpired",
    ],
    "course": [
      "CourseRegistered", "CourseModified", "CourseDeleted", "CourseCanceled",
      "TextbookDeliveried", "DeliveryCanceled",
    ],
    "pay": ["PaymentApproved", "PaymentCanceled"],
  ]

  /// Whose feeds make alerts.
  package static let sources = ["class", "course", "pay"]

  package let source: String
  package let types: [String]

  /// - Parameter source: one of ``sources``.
  package init(source: String) {
    guard let types = Self.types[source] else {
      preconditionFailure("alerts do not follow \(source)")
    }
    self.source = source
    self.types = types
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard let fact = try AlertFact(event) else { return }
    try WriteAlerts(for: fact).perform(in: SQLAlertTransaction(connection: connection))
  }
}

/// An event whose time cannot be read: how old its news is cannot be told (trap T18).
struct UnreadableTime: Error, Hashable {
  let time: String
}

extension AlertFact {
  /// What the event tells; nil when nobody wants to hear of it.
  fileprivate init?(_ event: EventsV1.Event) throws {
    guard
      let news = try Self.courseNews(event) ?? Self.classNews(event) ?? Self.paymentNews(event)
        ?? Self.seatNews(event)
    else { return nil }
    guard let time = Timestamp(rfc3339: event.time) else {
      throw UnreadableTime(time: event.time)
    }
    self.init(eventID: event.id, time: time, news)
  }

  private static func courseNews(_ event: EventsV1.Event) throws -> News? {
    switch event.type {
    case "CourseRegistered":
      let told = try event.message(CourseV1.CourseRegistered.self)
      return .courseRegistered(CourseID(told.id), name: told.name, teacher: told.teacher)
    case "CourseModified":
      let told = try event.message(CourseV1.CourseModified.self)
      return .courseModified(CourseID(told.id), name: told.name, teacher: told.teacher)
    case "CourseDeleted":
      let told = try event.message(CourseV1.CourseDeleted.self)
      return .courseDeleted(CourseID(told.id), name: told.name, teacher: told.teacher)
    case "CourseCanceled":
      let told = try event.message(CourseV1.CourseCanceled.self)
      return .courseCanceled(CourseID(told.id), name: told.name, teacher: told.teacher)
    default:
      return nil
    }
  }

  private static func classNews(_ event: EventsV1.Event) throws -> News? {
    switch event.type {
    case "ClassRegistered":
      let told = try event.message(EnrollmentV1.ClassRegistered.self)
      return .classRegistered(ClassID(told.id), CourseID(told.courseID), student: told.student)
    case "ClassModified":
      let told = try event.message(EnrollmentV1.ClassModified.self)
      return .classModified(ClassID(told.id), CourseID(told.courseID), student: told.student)
    case "ClassCanceled":
      let told = try event.message(EnrollmentV1.ClassCanceled.self)
      return .classCanceled(ClassID(told.id), CourseID(told.courseID), student: told.student)
    default:
      return nil
    }
  }

  private static func seatNews(_ event: EventsV1.Event) throws -> News? {
    switch event.type {
    case "SeatOffered":
      let told = try event.message(EnrollmentV1.SeatOffered.self)
      guard let limit = Timestamp(rfc3339: told.expiresAt) else {
        throw UnreadableTime(time: told.expiresAt)
      }
      return .seatOffered(CourseID(told.courseID), until: limit, student: told.student)
    case "SeatOfferExpired":
      let told = try event.message(EnrollmentV1.SeatOfferExpired.self)
      return .seatOfferExpired(CourseID(told.courseID), student: told.student)
    default:
      return nil
    }
  }

  /// The payment and the delivery that follows from it.
  private static func paymentNews(_ event: EventsV1.Event) throws -> News? {
    switch event.type {
    case "PaymentApproved":
      let told = try event.message(PayV1.PaymentApproved.self)
      return .paymentApproved(
        ClassID(told.classID), fee: try Money(won: told.fee), student: told.student)
    case "PaymentCanceled":
      let told = try event.message(PayV1.PaymentCanceled.self)
      return .paymentCanceled(
        ClassID(told.classID), fee: try Money(won: told.fee), student: told.student)
    case "TextbookDeliveried":
      let told = try event.message(CourseV1.TextbookDeliveried.self)
      return .textbookDeliveried(
        ClassID(told.classID), textBook: told.textBook, student: told.student)
    case "DeliveryCanceled":
      let told = try event.message(CourseV1.DeliveryCanceled.self)
      return .deliveryCanceled(
        ClassID(told.classID), textBook: told.textBook, student: told.student)
    default:
      return nil
    }
  }
}
