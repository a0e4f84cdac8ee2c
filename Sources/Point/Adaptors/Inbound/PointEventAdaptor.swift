import AdaptorSupport
import Contracts
import EventLog
import Kernel
import PointCore
import Storage

/// Point's policies on the events of Pay and Enrollment: a paid fee earns points, a fee given back
/// takes them away, and the points of a class follow its student.
package struct PointEventAdaptor: EventHandler {
  private static let types = [
    "pay": ["PaymentApproved", "PaymentCanceled"], "class": ["ClassModified"],
  ]

  /// Whose feeds concern points.
  package static let sources = ["pay", "class"]

  package let source: String
  package let types: [String]
  private let context: SQLContext

  /// - Parameter source: one of ``sources``.
  package init(_ context: SQLContext, source: String) {
    guard let types = Self.types[source] else {
      preconditionFailure("points do not follow \(source)")
    }
    self.source = source
    self.types = types
    self.context = context
  }

  package func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    let tx = SQLPointTransaction(unit: self.context.unit(connection, because: event.cause))
    switch event.type {
    case "PaymentApproved":
      let approved = try event.message(PayV1.PaymentApproved.self)
      try RegisterPoint(for: PaidFee(approved)).perform(in: tx)
    case "PaymentCanceled":
      let canceled = try event.message(PayV1.PaymentCanceled.self)
      try CancelPoint(for: PaidFee(canceled)).perform(in: tx)
    case "ClassModified":
      try CorrectStudent(StudentCorrection(event)).perform(in: tx)
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
