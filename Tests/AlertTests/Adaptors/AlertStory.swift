import AdaptorSupport
import AdaptorTestSupport
import AlertCore
import Contracts
import Kernel

/// The ten facts that make alerts, as the three services tell them.
enum AlertStory {
  static let day = "2026-03-02T00:00:00.000000Z"

  static func all() throws -> [EventsV1.Event] {
    try self.courses() + self.classes() + self.payments() + self.deliveries()
  }

  static func courses(_ time: String = AlertStory.day) throws -> [EventsV1.Event] {
    try [
      .told(
        "course", 1, about: .course(CourseID(7)),
        CourseV1.CourseRegistered(
          id: 7, name: "korean", teacher: "hong", fee: 10_000, textBook: "kor_book"),
        time: time),
      .told(
        "course", 2, about: .course(CourseID(7)),
        CourseV1.CourseModified(
          id: 7, name: "korean", teacher: "hong", fee: 20_000, textBook: "kor_book"),
        time: time),
      .told(
        "course", 3, about: .course(CourseID(7)),
        CourseV1.CourseDeleted(id: 7, name: "korean", teacher: "hong"),
        time: time),
    ]
  }

  static func classes() throws -> [EventsV1.Event] {
    try [
      .told(
        "class", 1, about: 1,
        EnrollmentV1.ClassRegistered(
          id: 1, courseID: 7, fee: 10_000, student: "john-doe", textBook: "kor_book")),
      .told(
        "class", 2, about: 1,
        EnrollmentV1.ClassModified(id: 1, courseID: 7, fee: 10_000, student: "simon")),
      .told(
        "class", 3, about: 1,
        EnrollmentV1.ClassCanceled(
          id: 1, courseID: 7, fee: 10_000, student: "simon", textBook: "kor_book")),
    ]
  }

  static func payments(_ time: String = AlertStory.day) throws -> [EventsV1.Event] {
    try [
      .told(
        "pay", 1, about: 1,
        PayV1.PaymentApproved(
          id: 5, classID: 1, courseID: 7, fee: 10_000, student: "john-doe",
          status: "PAYMENT_COMPLETED", textBook: "kor_book"),
        time: time),
      .told(
        "pay", 2, about: 1,
        PayV1.PaymentCanceled(
          id: 5, classID: 1, courseID: 7, fee: 10_000, student: "john-doe", status: "CANCEL",
          textBook: "kor_book"),
        time: time),
    ]
  }

  static func deliveries() throws -> [EventsV1.Event] {
    try [
      .told(
        "course", 4, about: 1,
        CourseV1.TextbookDeliveried(
          id: 3, classID: 1, paymentID: 5, courseID: 7, student: "john-doe",
          textBook: "kor_book", status: "DELIVERY_START")),
      .told(
        "course", 5, about: 1,
        CourseV1.DeliveryCanceled(
          id: 3, classID: 1, paymentID: 5, courseID: 7, student: "john-doe",
          textBook: "kor_book", status: "DELIVERY_CANCEL")),
    ]
  }

  /// The first alert of a payment, as one of the three ways shows it.
  static func paidAlert(
    _ status: Alert.Status = .new, through way: Way = .application
  ) -> Alert {
    Alert(
      id: AlertID(1),
      content: AlertContent(
        key: AlertKey(
          eventID: way == .rest ? "" : "pay-test-1", recipient: "john-doe", channel: .kakao),
        classID: ClassID(1), eventType: "PaymentApproved",
        message: "You paid 10000 won for class 1.",
        createdAt: Timestamp(microseconds: 1_772_409_600_000_000)),
      status: status)
  }
}
