import Kernel

/// The textbook of one paid class on its way to the student. At most one a payment.
package struct Delivery: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable, CaseIterable {
    case started = "DELIVERY_START"
    case canceled = "DELIVERY_CANCEL"
  }

  package let id: DeliveryID
  package private(set) var order: TextbookOrder
  package private(set) var status: Status

  package init(id: DeliveryID, order: TextbookOrder, status: Status) {
    self.id = id
    self.order = order
    self.status = status
  }

  /// The class has another student.
  package mutating func correct(student: String) {
    self.order = self.order.to(student)
  }

  /// - Returns: What happened, or nil when it was canceled before (trap T15).
  package mutating func cancel() -> DeliveryCanceled? {
    guard self.status == .started else { return nil }
    self.status = .canceled
    return DeliveryCanceled(delivery: self)
  }
}

/// Which book goes to whom, and which payment paid for it.
package struct TextbookOrder: Hashable, Sendable {
  package let paymentID: PaymentID
  package let classID: ClassID
  package let courseID: CourseID
  package let student: String
  /// The book of the accepted terms, whatever the course says since (traps T33, T36).
  package let textBook: String

  package init(
    paymentID: PaymentID, classID: ClassID, courseID: CourseID, student: String, textBook: String
  ) {
    self.paymentID = paymentID
    self.classID = classID
    self.courseID = courseID
    self.student = student
    self.textBook = textBook
  }

  /// The same order for another student.
  package func to(_ student: String) -> TextbookOrder {
    TextbookOrder(
      paymentID: self.paymentID, classID: self.classID, courseID: self.courseID,
      student: student, textBook: self.textBook)
  }

  /// A course without a book needs no delivery.
  package var isEmpty: Bool { self.textBook.isEmpty }
}
