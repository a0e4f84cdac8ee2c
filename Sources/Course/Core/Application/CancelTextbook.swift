import Kernel

/// The command to stop a textbook, issued when the payment for its class was given back.
package struct CancelTextbook: Hashable, Sendable {
  package let order: TextbookOrder

  package init(_ order: TextbookOrder) {
    self.order = order
  }

  /// When the cancellation overtakes the payment, a canceled delivery is kept, and the delivery
  /// does not start when the payment comes (trap T11). Pay heard of a change of the student before
  /// it gave the money back, so its name is good while Course has not heard (trap T34).
  package func perform(in tx: any CourseTransaction) throws {
    guard !self.order.isEmpty else { return }
    let student = try tx.student(of: self.order.classID, told: self.order.student)
    guard var delivery = try tx.delivery(of: self.order.paymentID) else {
      let delivery = Delivery(
        id: try tx.nextDeliveryID(), order: self.order.to(student), status: .canceled)
      try tx.save(delivery)
      try tx.raise(.deliveryCanceled(DeliveryCanceled(delivery: delivery)))
      return
    }
    delivery.correct(student: student)
    if let canceled = delivery.cancel() {
      try tx.save(delivery)
      try tx.raise(.deliveryCanceled(canceled))
    }
  }
}
