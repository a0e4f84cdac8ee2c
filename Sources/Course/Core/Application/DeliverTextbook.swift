import Kernel

/// The command to send a textbook, issued when its class was paid.
package struct DeliverTextbook: Hashable, Sendable {
  package let order: TextbookOrder

  package init(_ order: TextbookOrder) {
    self.order = order
  }

  /// A payment that has a delivery, started or canceled, gets no other (traps T9, T11).
  package func perform(in tx: any CourseTransaction) throws {
    guard !self.order.isEmpty, try tx.delivery(of: self.order.paymentID) == nil else { return }
    let student = try tx.student(of: self.order.classID, told: self.order.student)
    let delivery = Delivery(
      id: try tx.nextDeliveryID(), order: self.order.to(student), status: .started)
    try tx.save(delivery)
    try tx.raise(.textbookDeliveried(TextbookDeliveried(delivery: delivery)))
  }
}
