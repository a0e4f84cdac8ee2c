import AdaptorSupport
import Contracts
import EventLog
import GiftCore
import Kernel
import Storage

/// Gift's policy on the events of Point: canceled points take their gift away (trap T41).
package struct GiftEventAdaptor: EventHandler {
  package let source = "point"
  package let types = ["PointCanceled"]
  private let context: SQLContext

  package init(_ context: SQLContext) {
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    guard event.type == "PointCanceled" else { return }
    let canceled = try event.message(PointV1.PointCanceled.self)
    let unit = self.context.unit(connection, because: event.cause)
    try CancelGift(of: PaymentID(canceled.paymentID)).perform(in: SQLGiftTransaction(unit: unit))
  }
}
