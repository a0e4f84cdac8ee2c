import Contracts
import FramedRPC
import Storage
import SugangServices

/// I7: my page and the alerts are what the events say, and no more.
struct ViewChecker {
  static func violations(in stores: Stores) -> [Violation] {
    do {
      return try self.pages(in: stores) + self.alerts(in: stores)
    } catch {
      return [Violation(.i6, "an event cannot be read: \(error)")]
    }
  }

  // MARK: My page

  /// A row of my page, as told by each source's last event about the class.
  private struct Page {
    var enrollment: (course: Int64, fee: Int64, student: String, status: String)?
    var enrollmentBook: String?
    var payment: (id: Int64, course: Int64, fee: Int64, student: String, status: String)?
    var paymentBook: String?
    var delivery: String?
    var point: (status: String, amount: Int64)?
    var giftstock: Int64?

    /// In the order of ``Stores/pageColumns``.
    var values: [SQLValue] {
      let terms =
        self.enrollment ?? self.payment.map { ($0.course, $0.fee, $0.student, "CLASS_START") }
      return [
        .integer(terms?.course), .integer(terms?.fee), .text(terms?.student),
        .text(self.enrollmentBook ?? self.paymentBook), .text(terms?.status),
        .integer(self.payment?.id), .text(self.payment?.status), .text(self.delivery),
        .text(self.point?.status), .integer(self.point?.amount), .integer(self.giftstock),
      ]
    }
  }

  private static func pages(in stores: Stores) throws -> [Violation] {
    var pages: [Int64: Page] = [:]
    for event in stores.events { try self.fold(event, into: &pages) }
    var violations: [Violation] = []
    for id in Set(pages.keys).union(stores.pages.keys).sorted() {
      let expected = pages[id]?.values
      if expected != stores.pages[id] {
        violations.append(
          Violation(
            .i7,
            "my page of class \(id) is \(stores.pages[id] ?? []), the events say \(expected ?? [])"
          ))
      }
    }
    return violations
  }

  private static func fold(_ event: Stores.Event, into pages: inout [Int64: Page]) throws {
    switch event.type {
    case "ClassRegistered":
      let told = try EnrollmentV1.ClassRegistered(decoding: event.data)
      pages[told.id, default: Page()].enrollment = (
        told.courseID, told.fee, told.student, "CLASS_START"
      )
      pages[told.id, default: Page()].enrollmentBook = told.textBook
    case "ClassModified":
      let told = try EnrollmentV1.ClassModified(decoding: event.data)
      pages[told.id, default: Page()].enrollment = (
        told.courseID, told.fee, told.student, "CLASS_START"
      )
    case "ClassCanceled":
      let told = try EnrollmentV1.ClassCanceled(decoding: event.data)
      pages[told.id, default: Page()].enrollment = (
        told.courseID, told.fee, told.student, "CLASS_CANCELED"
      )
      pages[told.id, default: Page()].enrollmentBook = told.textBook
    case "PaymentApproved":
      let told = try PayV1.PaymentApproved(decoding: event.data)
      pages[told.classID, default: Page()].payment = (
        told.id, told.courseID, told.fee, told.student, "PAYMENT_COMPLETED"
      )
      pages[told.classID, default: Page()].paymentBook = told.textBook
    case "PaymentCanceled":
      let told = try PayV1.PaymentCanceled(decoding: event.data)
      pages[told.classID, default: Page()].payment = (
        told.id, told.courseID, told.fee, told.student, "PAYMENT_CANCELED"
      )
      pages[told.classID, default: Page()].paymentBook = told.textBook
    case "TextbookDeliveried":
      let told = try CourseV1.TextbookDeliveried(decoding: event.data)
      pages[told.classID, default: Page()].delivery = "DELIVERY_START"
    case "DeliveryCanceled":
      let told = try CourseV1.DeliveryCanceled(decoding: event.data)
      pages[told.classID, default: Page()].delivery = "DELIVERY_CANCELED"
    case "PointRegistered":
      let told = try PointV1.PointRegistered(decoding: event.data)
      pages[told.classID, default: Page()].point = ("Point Added", told.cashpoint)
    case "PointCanceled":
      let told = try PointV1.PointCanceled(decoding: event.data)
      pages[told.classID, default: Page()].point = ("Point Canceled", 0)
    case "GiftRegistered":
      let told = try GiftV1.GiftRegistered(decoding: event.data)
      pages[told.classID, default: Page()].giftstock = Int64(told.giftstock)
    case "GiftCanceled":
      let told = try GiftV1.GiftCanceled(decoding: event.data)
      pages[told.classID, default: Page()].giftstock = 0
    default: break
    }
  }

  // MARK: Alerts

  private static func alerts(in stores: Stores) throws -> [Violation] {
    var expected: Set<String> = []
    for event in stores.events {
      guard let recipient = try self.recipient(of: event) else { continue }
      let id = "\(event.source.rawValue)-\(event.source.rawValue)log-\(event.sequence)"
      expected.insert("\(id) \(recipient) KAKAO")
      if ["PaymentApproved", "SeatOffered"].contains(event.type) {
        expected.insert("\(id) \(recipient) SMS")
      }
    }
    let found = stores.alerts.map { "\($0.eventID) \($0.recipient) \($0.channel)" }
    var violations: [Violation] = []
    if found.count != Set(found).count {
      violations.append(Violation(.i7, "an alert is there twice"))
    }
    for alert in expected.subtracting(found).sorted() {
      violations.append(Violation(.i7, "the alert \(alert) is missing"))
    }
    for alert in Set(found).subtracting(expected).sorted() {
      violations.append(Violation(.i8, "the alert \(alert) is nobody's"))
    }
    // Clocks are wrong by hours, several times: news may look older than a day.
    for alert in stores.alerts where !["SENT", "EXPIRED"].contains(alert.status) {
      violations.append(Violation(.i7, "the alert about \(alert.eventID) is \(alert.status)"))
    }
    return violations
  }

  private static func recipient(of event: Stores.Event) throws -> String? {
    switch event.type {
    case "CourseRegistered": try CourseV1.CourseRegistered(decoding: event.data).teacher
    case "CourseModified": try CourseV1.CourseModified(decoding: event.data).teacher
    case "CourseDeleted": try CourseV1.CourseDeleted(decoding: event.data).teacher
    case "CourseCanceled": try CourseV1.CourseCanceled(decoding: event.data).teacher
    case "SeatOffered": try EnrollmentV1.SeatOffered(decoding: event.data).student
    case "SeatOfferExpired": try EnrollmentV1.SeatOfferExpired(decoding: event.data).student
    case "TextbookDeliveried": try CourseV1.TextbookDeliveried(decoding: event.data).student
    case "DeliveryCanceled": try CourseV1.DeliveryCanceled(decoding: event.data).student
    case "ClassRegistered": try EnrollmentV1.ClassRegistered(decoding: event.data).student
    case "ClassModified": try EnrollmentV1.ClassModified(decoding: event.data).student
    case "ClassCanceled": try EnrollmentV1.ClassCanceled(decoding: event.data).student
    case "PaymentApproved": try PayV1.PaymentApproved(decoding: event.data).student
    case "PaymentCanceled": try PayV1.PaymentCanceled(decoding: event.data).student
    default: nil
    }
  }
}
