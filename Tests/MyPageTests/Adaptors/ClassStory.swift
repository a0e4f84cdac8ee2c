import AdaptorTestSupport
import Contracts
import FramedRPC
import Kernel
import MyPageCore

/// The life of one class as the five services tell it, each counting its own events.
struct ClassStory {
  let classID: Int64
  /// Added to every sequence, so that several stories fit into the same five logs.
  var after: Int64 = 0
  var fee: Int64 = 10_000
  var student = "john-doe"

  var paymentID: Int64 { self.classID + 100 }

  /// Enrolled, paid, delivered, rewarded: W3 to W9.
  func enrolled() throws -> [EventsV1.Event] {
    try [
      self.classRegistered(), self.paymentApproved(),
      self.told(
        "course", 1,
        CourseV1.TextbookDeliveried(
          id: 1, classID: self.classID, paymentID: self.paymentID, courseID: 7,
          student: self.student, textBook: "kor_book", status: "DELIVERY_START")),
      self.told(
        "point", 1,
        PointV1.PointRegistered(
          id: 1, classID: self.classID, paymentID: self.paymentID, fee: self.fee,
          student: self.student, cashpoint: self.fee / 100)),
      self.told(
        "gift", 1,
        GiftV1.GiftRegistered(
          id: 1, classID: self.classID, fee: self.fee, student: self.student, giftstock: 1)),
    ]
  }

  /// Handed to simon, then canceled with all that follows: W10 to W16.
  func canceled() throws -> [EventsV1.Event] {
    try [
      self.classModified("simon"),
      self.told(
        "class", 3,
        EnrollmentV1.ClassCanceled(
          id: self.classID, courseID: 7, fee: self.fee, student: "simon", textBook: "kor_book")),
      self.told(
        "pay", 2,
        PayV1.PaymentCanceled(
          id: self.paymentID, classID: self.classID, courseID: 7, fee: self.fee,
          student: self.student, status: "CANCEL", textBook: "kor_book")),
      self.told(
        "course", 2,
        CourseV1.DeliveryCanceled(
          id: 1, classID: self.classID, paymentID: self.paymentID, courseID: 7,
          student: self.student, textBook: "kor_book", status: "DELIVERY_CANCEL")),
      self.told(
        "point", 2,
        PointV1.PointCanceled(
          id: 1, classID: self.classID, paymentID: self.paymentID, fee: self.fee,
          student: self.student, cashpoint: 0)),
      self.told(
        "gift", 2,
        GiftV1.GiftCanceled(
          id: 1, classID: self.classID, fee: self.fee, student: self.student, giftstock: 0)),
    ]
  }

  func classRegistered() throws -> EventsV1.Event {
    try self.told(
      "class", 1,
      EnrollmentV1.ClassRegistered(
        id: self.classID, courseID: 7, fee: self.fee, student: self.student,
        textBook: "kor_book"))
  }

  func classModified(_ student: String) throws -> EventsV1.Event {
    try self.told(
      "class", 2,
      EnrollmentV1.ClassModified(
        id: self.classID, courseID: 7, fee: self.fee, student: student))
  }

  func paymentApproved() throws -> EventsV1.Event {
    try self.told(
      "pay", 1,
      PayV1.PaymentApproved(
        id: self.paymentID, classID: self.classID, courseID: 7, fee: self.fee,
        student: self.student, status: "PAYMENT_COMPLETED", textBook: "kor_book"))
  }

  func told(
    _ source: String, _ sequence: Int64, _ message: some RPCMessage
  ) throws -> EventsV1.Event {
    try .told(source, self.after + sequence, about: self.classID, message)
  }

  /// The row of ``enrolled()`` as its readers see it.
  func enrolledRow() throws -> InquiryMypage {
    InquiryMypage(
      classID: ClassID(self.classID),
      terms: try self.terms(self.student), textBook: "kor_book", status: .started,
      paymentID: PaymentID(self.paymentID), paymentStatus: .completed,
      deliveryStatus: .started, pointStatus: .added, cashpoint: self.fee / 100, giftstock: 1,
      heard: Heard())
  }

  /// The row of ``enrolled()`` and ``canceled()`` as its readers see it.
  func canceledRow() throws -> InquiryMypage {
    InquiryMypage(
      classID: ClassID(self.classID), terms: try self.terms("simon"),
      textBook: "kor_book", status: .canceled, paymentID: PaymentID(self.paymentID),
      paymentStatus: .canceled, deliveryStatus: .canceled, pointStatus: .canceled,
      cashpoint: 0, giftstock: 0, heard: Heard())
  }

  func terms(_ student: String) throws -> ClassTerms {
    ClassTerms(courseID: CourseID(7), fee: try Money(won: self.fee), student: student)
  }
}
