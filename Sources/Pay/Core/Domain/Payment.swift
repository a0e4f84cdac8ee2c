import Kernel

/// The money a student paid for one class.
///
/// There is at most one payment a class; the class is its key.
package struct Payment: Hashable, Sendable {
  package static let studentRule = TextRule("student", length: 1...100)

  /// Where the money is. Only this state machine sets it, never a caller (trap T6).
  package enum Status: String, Hashable, Sendable, CaseIterable {
    /// Ours.
    case completed = "PAYMENT_COMPLETED"
    /// Given back.
    case canceled = "CANCEL"
  }

  package let id: PaymentID
  package let classID: ClassID
  package let courseID: CourseID
  package let fee: Money
  package private(set) var student: String
  package let textBook: String
  package private(set) var status: Status

  package init(
    id: PaymentID, classID: ClassID, courseID: CourseID, fee: Money, student: String,
    textBook: String, status: Status
  ) {
    self.id = id
    self.classID = classID
    self.courseID = courseID
    self.fee = fee
    self.student = student
    self.textBook = textBook
    self.status = status
  }

  /// The class has another student.
  package mutating func correct(student: String) {
    self.student = student
  }

  /// Gives the money back.
  ///
  /// - Returns: What happened, or nil when the money was given back before: only a transition
  ///   makes an event (trap T15).
  package mutating func cancel() -> PaymentCanceled? {
    guard self.status == .completed else { return nil }
    self.status = .canceled
    return PaymentCanceled(payment: self)
  }
}
