import Kernel

/// Where the fee of a class is paid.
package protocol PaymentGateway: Sendable {
  /// Asks for the money, at most once a class however often it is asked; never fails.
  func pay(_ request: PaymentRequest, because cause: Cause) async -> PaymentAnswer
}

package struct PaymentRequest: Hashable, Sendable {
  /// The key of the payment.
  package let classID: ClassID
  package let courseID: CourseID
  package let fee: Money
  package let student: String
  package let textBook: String

  package init(for enrollment: Enrollment) {
    self.classID = enrollment.id
    self.courseID = enrollment.courseID
    self.fee = enrollment.terms.fee
    self.student = enrollment.student
    self.textBook = enrollment.terms.textBook
  }
}

/// What is known after asking for the money (trap T5).
package enum PaymentAnswer: Hashable, Sendable {
  case approved(PaymentID)
  case declined(reason: String)
  /// The money may have been taken or not: a timeout is no answer (trap T2).
  case unknown(reason: String)
}
