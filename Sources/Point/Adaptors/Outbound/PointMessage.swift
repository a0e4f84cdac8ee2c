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

extension PointV1.PointEntry {
  init(_ posted: PostedPointEntry) {
    let entry = posted.entry
    self.init(
      sequence: posted.sequence, pointID: entry.pointID.value, paymentID: entry.paymentID.value,
      classID: entry.classID.value, kind: entry.kind.rawValue, points: entry.points,
      at: posted.at.rfc3339)
  }
}

extension PostedPointEntry {
  /// - Throws: when the server sent what no entry can be.
  init(_ message: PointV1.PointEntry) throws {
    guard let kind = PointEntry.Kind(rawValue: message.kind) else {
      throw RPCError(.internal, "'\(message.kind)' is no kind of entry")
    }
    guard
      let entry = PointEntry(
        pointID: PointID(message.pointID), paymentID: PaymentID(message.paymentID),
        classID: ClassID(message.classID), kind: kind, points: message.points)
    else {
      throw RPCError(.internal, "\(message.points) points cannot be \(message.kind)")
    }
    guard let at = Timestamp(rfc3339: message.at) else {
      throw RPCError(.internal, "'\(message.at)' is no time")
    }
    self.init(sequence: message.sequence, entry: entry, at: at)
  }
}
