import AdaptorSupport
import Contracts
import Kernel
import PointCore

extension PointEvent {
  /// Point's events as the others read them.
  func publish(in unit: SQLUnit) throws {
    switch self {
    case .pointRegistered(let event):
      let point = event.point
      try unit.raise(
        "PointRegistered", about: .class(point.paid.classID),
        message: PointV1.PointRegistered(
          id: point.id.value, classID: point.paid.classID.value,
          paymentID: point.paid.paymentID.value, fee: point.paid.fee.won,
          student: point.paid.student, cashpoint: point.cashpoint))
    case .pointCanceled(let event):
      let point = event.point
      try unit.raise(
        "PointCanceled", about: .class(point.paid.classID),
        message: PointV1.PointCanceled(
          id: point.id.value, classID: point.paid.classID.value,
          paymentID: point.paid.paymentID.value, fee: point.paid.fee.won,
          student: point.paid.student, cashpoint: point.cashpoint))
    }
  }
}
