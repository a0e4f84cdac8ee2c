import AdaptorSupport
import Contracts
import EventLog
import Kernel
import PayCore
import Storage

/// Pay's policies on the events of Enrollment: a canceled class gets its money back, and the
/// payment of a class follows its student.
package struct PayEventAdaptor: EventHandler {
  package let source = "class"
  package let types = ["ClassModified", "ClassCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let tx = SQLPayTransaction(unit: self.context.unit(connection, because: event.cause))
    switch event.type {
    case "ClassModified":
      try CorrectStudent(StudentCorrection(event)).perform(in: tx)
    case "ClassCanceled":
      let canceled = try event.message(EnrollmentV1.ClassCanceled.self)
      try CancelPayment(of: ClassID(canceled.id)).perform(in: tx)
    default:
      break
    }
  }
}
