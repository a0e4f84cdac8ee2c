import AdaptorSupport
import Contracts
import Kernel
import PayCore

extension PayEvent {
  /// Pay's events as the others read them.
  func publish(in unit: SQLUnit) throws {
    switch self {
    case .paymentApproved(let event):
      let payment = event.payment
      try unit.raise(
        "PaymentApproved", about: .class(payment.classID),
        message: PayV1.PaymentApproved(
          id: payment.id.value, classID: payment.classID.value,
          courseID: payment.courseID.value, fee: payment.fee.won, student: payment.student,
          status: payment.status.rawValue, textBook: payment.textBook))
    case .paymentCanceled(let event):
      let payment = event.payment
      try unit.raise(
        "PaymentCanceled", about: .class(payment.classID),
        message: PayV1.PaymentCanceled(
          id: payment.id.value, classID: payment.classID.value,
          courseID: payment.courseID.value, fee: payment.fee.won, student: payment.student,
          status: payment.status.rawValue, textBook: payment.textBook))
    }
  }
}
