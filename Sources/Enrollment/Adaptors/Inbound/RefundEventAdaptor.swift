import AdaptorSupport
import Contracts
import EnrollmentCore
import EventLog
import Kernel
import Storage

/// Enrollment's policy on the events of Pay: a class does not outlive its payment.
package struct RefundEventAdaptor: EventHandler {
  package let source = "pay"
  package let types = ["PaymentCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard event.type == "PaymentCanceled" else { return }
    let payment = try event.message(PayV1.PaymentCanceled.self)
    let unit = self.context.unit(connection, because: event.cause)
    try CancelRefundedClass(ClassID(payment.classID)).perform(
      in: SQLEnrollmentTransaction(unit: unit))
  }
}
