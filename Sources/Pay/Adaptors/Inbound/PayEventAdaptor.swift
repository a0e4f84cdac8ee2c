import AdaptorSupport
import Contracts
import EventLog
import Kernel
import PayCore
import Storage

/// Pay's policies on the events of Enrollment: a canceled class gets its money back.
package struct PayEventAdaptor: EventHandler {
  package let source = "class"
  package let types = ["ClassCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard event.type == "ClassCanceled" else { return }
    let canceled = try event.message(EnrollmentV1.ClassCanceled.self)
    let unit = self.context.unit(connection, because: event.cause)
    try CancelPayment(of: ClassID(canceled.id)).perform(in: SQLPayTransaction(unit: unit))
  }
}
