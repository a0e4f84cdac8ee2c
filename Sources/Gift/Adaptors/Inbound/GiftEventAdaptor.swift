import AdaptorSupport
import Contracts
import EventLog
import GiftCore
import Kernel
import Storage

/// Gift's policies on the events of Point and Enrollment: canceled points take their gift away
/// (trap T41), and the gift of a class follows its student.
package struct GiftEventAdaptor: EventHandler {
  private static let types = ["point": ["PointCanceled"], "class": ["ClassModified"]]

  /// Whose feeds concern gifts.
  package static let sources = ["point", "class"]

  package let source: String
  package let types: [String]
  private let context: SQLContext

  /// - Parameter source: one of ``sources``.
  package init(_ context: SQLContext, source: String) {
    guard let types = Self.types[source] else {
      preconditionFailure("gifts do not follow \(source)")
    }
    self.source = source
    self.types = types
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let tx = SQLGiftTransaction(unit: self.context.unit(connection, because: event.cause))
    switch event.type {
    case "PointCanceled":
      let canceled = try event.message(PointV1.PointCanceled.self)
      try CancelGift(
        of: PaymentID(canceled.paymentID), classID: ClassID(canceled.classID),
        student: canceled.student
      ).perform(in: tx)
    case "ClassModified":
      try CorrectStudent(StudentCorrection(event)).perform(in: tx)
    default:
      break
    }
  }
}
