import AdaptorSupport
import Contracts
import EventLog
import Kernel
import MyPageCore
import Storage

/// MyPage's one policy, for each of the sources it follows: what an event tells goes into the view.
package struct MyPageEventAdaptor: EventHandler {
  private static let types = [
    "class": ["ClassRegistered", "ClassModified", "ClassCanceled"],
    "pay": ["PaymentApproved", "PaymentCanceled"],
    "course": ["TextbookDeliveried", "DeliveryCanceled"],
    "point": ["PointRegistered", "PointCanceled"],
    "gift": ["GiftRegistered", "GiftCanceled"],
  ]

  /// Whose feeds my page is made of.
  package static let sources = ["class", "pay", "course", "point", "gift"]

  package let source: String
  package let types: [String]

  /// - Parameter source: one of ``sources``.
  package init(source: String) {
    guard let types = Self.types[source] else {
      preconditionFailure("my page does not follow \(source)")
    }
    self.source = source
    self.types = types
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard let fact = try MyPageFact(event) else { return }
    try ProjectFact(fact).perform(in: SQLMyPageTransaction(connection: connection))
  }
}

extension MyPageFact {
  /// What the event tells; nil when my page does not show it.
  fileprivate init?(_ event: EventsV1.Event) throws {
    guard let (classID, news) = try Self.classNews(event) ?? Self.rewardNews(event) else {
      return nil
    }
    self.init(ClassID(classID), sequence: event.sequence, news)
  }

  /// Events of Enrollment and Pay.
  private static func classNews(_ event: EventsV1.Event) throws -> (Int64, News)? {
    switch event.type {
    case "ClassRegistered":
      let told = try event.message(EnrollmentV1.ClassRegistered.self)
      let terms = try Self.terms(told.courseID, told.fee, told.student)
      return (told.id, .classRegistered(terms, textBook: told.textBook))
    case "ClassModified":
      let told = try event.message(EnrollmentV1.ClassModified.self)
      return (told.id, .classModified(try Self.terms(told.courseID, told.fee, told.student)))
    case "ClassCanceled":
      let told = try event.message(EnrollmentV1.ClassCanceled.self)
      let terms = try Self.terms(told.courseID, told.fee, told.student)
      return (told.id, .classCanceled(terms, textBook: told.textBook))
    case "PaymentApproved":
      let told = try event.message(PayV1.PaymentApproved.self)
      let terms = try Self.terms(told.courseID, told.fee, told.student)
      return (
        told.classID, .paymentApproved(PaymentID(told.id), terms, textBook: told.textBook)
      )
    case "PaymentCanceled":
      let told = try event.message(PayV1.PaymentCanceled.self)
      let terms = try Self.terms(told.courseID, told.fee, told.student)
      return (
        told.classID, .paymentCanceled(PaymentID(told.id), terms, textBook: told.textBook)
      )
    default:
      return nil
    }
  }

  /// Events of Delivery, Point and Gift: what follows from a payment.
  private static func rewardNews(_ event: EventsV1.Event) throws -> (Int64, News)? {
    switch event.type {
    case "TextbookDeliveried":
      return (try event.message(CourseV1.TextbookDeliveried.self).classID, .textbookDeliveried)
    case "DeliveryCanceled":
      return (try event.message(CourseV1.DeliveryCanceled.self).classID, .deliveryCanceled)
    case "PointRegistered":
      let told = try event.message(PointV1.PointRegistered.self)
      return (told.classID, .pointRegistered(cashpoint: told.cashpoint))
    case "PointCanceled":
      return (try event.message(PointV1.PointCanceled.self).classID, .pointCanceled)
    case "GiftRegistered":
      let told = try event.message(GiftV1.GiftRegistered.self)
      return (told.classID, .giftRegistered(giftstock: told.giftstock))
    case "GiftCanceled":
      return (try event.message(GiftV1.GiftCanceled.self).classID, .giftCanceled)
    default:
      return nil
    }
  }

  private static func terms(
    _ courseID: Int64, _ fee: Int64, _ student: String
  ) throws -> ClassTerms {
    ClassTerms(courseID: CourseID(courseID), fee: try Money(won: fee), student: student)
  }
}
