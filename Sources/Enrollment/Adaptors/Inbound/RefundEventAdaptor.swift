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
  private let seats: SeatPolicy

  package init(_ context: SQLContext, seats: SeatPolicy = .standard) {
    self.context = context
    self.seats = seats
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard event.type == "PaymentCanceled" else { return }
    let payment = try event.message(PayV1.PaymentCanceled.self)
    let unit = self.context.unit(connection, because: event.cause)
    try CancelRefundedClass(ClassID(payment.classID), seats: self.seats).perform(
      in: SQLEnrollmentTransaction(unit: unit))
  }
}
