import AdaptorSupport
import Contracts
import EventLog
import Kernel
import PointCore
import Storage

/// Point's policies on the events of Pay: a paid fee earns points, a fee given back takes them
/// away.
package struct PointEventAdaptor: EventHandler {
  package let source = "pay"
  package let types = ["PaymentApproved", "PaymentCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let unit = self.context.unit(connection, because: event.cause)
    let transaction = SQLPointTransaction(unit: unit)
    switch event.type {
    case "PaymentApproved":
      let approved = try event.message(PayV1.PaymentApproved.self)
      try RegisterPoint(for: PaidFee(approved)).perform(in: transaction)
    case "PaymentCanceled":
      let canceled = try event.message(PayV1.PaymentCanceled.self)
      try CancelPoint(for: PaidFee(canceled)).perform(in: transaction)
    default:
      break
    }
  }
}

extension PaidFee {
  fileprivate init(_ event: PayV1.PaymentApproved) throws {
    self.init(
      paymentID: PaymentID(event.id), classID: ClassID(event.classID),
      fee: try Money(won: event.fee), student: event.student)
  }

  fileprivate init(_ event: PayV1.PaymentCanceled) throws {
    self.init(
      paymentID: PaymentID(event.id), classID: ClassID(event.classID),
      fee: try Money(won: event.fee), student: event.student)
  }
}
