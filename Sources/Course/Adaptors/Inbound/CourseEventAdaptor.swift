import AdaptorSupport
import Contracts
import CourseCore
import EventLog
import Kernel
import Storage

/// Course's policies on the events of Pay and Enrollment: a paid class gets its textbook, a class
/// whose money was given back gets none, and the textbook of a class follows its student.
package struct CourseEventAdaptor: EventHandler {
  private static let types = [
    "pay": ["PaymentApproved", "PaymentCanceled"], "class": ["ClassModified"],
  ]

  /// Whose feeds concern deliveries.
  package static let sources = ["pay", "class"]

  package let source: String
  package let types: [String]
  private let context: SQLContext

  /// - Parameter source: one of ``sources``.
  package init(_ context: SQLContext, source: String) {
    guard let types = Self.types[source] else {
      preconditionFailure("deliveries do not follow \(source)")
    }
    self.source = source
    self.types = types
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let tx = SQLCourseTransaction(unit: self.context.unit(connection, because: event.cause))
    switch event.type {
    case "PaymentApproved":
      let payment = try event.message(PayV1.PaymentApproved.self)
      try DeliverTextbook(TextbookOrder(payment)).perform(in: tx)
    case "PaymentCanceled":
      let payment = try event.message(PayV1.PaymentCanceled.self)
      try CancelTextbook(TextbookOrder(payment)).perform(in: tx)
    case "ClassModified":
      try CorrectStudent(StudentCorrection(event)).perform(in: tx)
    default:
      break
    }
  }
}

extension TextbookOrder {
  fileprivate init(_ payment: PayV1.PaymentApproved) {
    self.init(
      paymentID: PaymentID(payment.id), classID: ClassID(payment.classID),
      courseID: CourseID(payment.courseID), student: payment.student, textBook: payment.textBook)
  }

  fileprivate init(_ payment: PayV1.PaymentCanceled) {
    self.init(
      paymentID: PaymentID(payment.id), classID: ClassID(payment.classID),
      courseID: CourseID(payment.courseID), student: payment.student, textBook: payment.textBook)
  }
}
