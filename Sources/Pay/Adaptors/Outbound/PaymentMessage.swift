import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PayCore

extension PayV1.Payment {
  init(_ payment: Payment) {
    self.init(
      id: payment.id.value, classID: payment.classID.value, courseID: payment.courseID.value,
      fee: payment.fee.won, student: payment.student, status: payment.status.rawValue,
      textBook: payment.textBook)
  }
}

extension Payment {
  /// - Throws: when the server sent what no payment can be.
  init(_ message: PayV1.Payment) throws {
    guard let status = Status(rawValue: message.status) else {
      throw RPCError(.internal, "'\(message.status)' is no status of a payment")
    }
    self.init(
      id: PaymentID(message.id), classID: ClassID(message.classID),
      courseID: CourseID(message.courseID), fee: try Money(won: message.fee, field: "fee"),
      student: message.student, textBook: message.textBook, status: status)
  }
}
