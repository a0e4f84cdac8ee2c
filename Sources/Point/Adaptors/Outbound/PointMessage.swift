import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PointCore

extension PointV1.Point {
  init(_ point: Point) {
    self.init(
      id: point.id.value, classID: point.paid.classID.value, fee: point.paid.fee.won,
      student: point.paid.student, cashpoint: point.cashpoint,
      paymentID: point.paid.paymentID.value, status: point.status.rawValue)
  }
}

extension Point {
  /// - Throws: when the server sent what no point can be.
  init(_ message: PointV1.Point) throws {
    guard let status = Status(rawValue: message.status) else {
      throw RPCError(.internal, "'\(message.status)' is no status of points")
    }
    self.init(
      id: PointID(message.id),
      paid: PaidFee(
        paymentID: PaymentID(message.paymentID), classID: ClassID(message.classID),
        fee: try Money(won: message.fee, field: "fee"), student: message.student),
      status: status)
  }
}
