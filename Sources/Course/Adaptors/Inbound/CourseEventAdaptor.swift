import AdaptorSupport
import Contracts
import CourseCore
import EventLog
import Kernel
import Storage

/// Course's policies on the events of Pay: a paid class gets its textbook, and a class whose money
/// was given back gets none.
package struct CourseEventAdaptor: EventHandler {
  package let source = "pay"
  package let types = ["PaymentApproved", "PaymentCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let unit = self.context.unit(connection, because: event.cause)
    let tx = SQLCourseTransaction(unit: unit)
    switch event.type {
    case "PaymentApproved":
      let payment = try event.message(PayV1.PaymentApproved.self)
      try DeliverTextbook(TextbookOrder(payment)).perform(in: tx)
    case "PaymentCanceled":
      let payment = try event.message(PayV1.PaymentCanceled.self)
      try CancelTextbook(TextbookOrder(payment)).perform(in: tx)
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
