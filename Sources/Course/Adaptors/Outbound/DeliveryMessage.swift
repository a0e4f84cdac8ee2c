import Contracts
import CourseCore
import FramedRPC
import Kernel

extension CourseV1.Delivery {
  init(_ delivery: Delivery) {
    let order = delivery.order
    self.init(
      id: delivery.id.value, classID: order.classID.value, courseID: order.courseID.value,
      paymentID: order.paymentID.value, student: order.student, textBook: order.textBook,
      status: delivery.status.rawValue)
  }
}

extension Delivery {
  /// - Throws: when the server sent what no delivery can be.
  init(_ message: CourseV1.Delivery) throws {
    guard let status = Status(rawValue: message.status) else {
      throw RPCError(.internal, "'\(message.status)' is no status of a delivery")
    }
    self.init(
      id: DeliveryID(message.id),
      order: TextbookOrder(
        paymentID: PaymentID(message.paymentID), classID: ClassID(message.classID),
        courseID: CourseID(message.courseID), student: message.student,
        textBook: message.textBook),
      status: status)
  }
}
