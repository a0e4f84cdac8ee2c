import Kernel

/// The command to take the money for one class.
package struct ApprovePayment: Hashable, Sendable {
  package let classID: ClassID
  package let courseID: CourseID
  package let fee: Money
  package let student: String
  package let textBook: String

  package init(
    classID: ClassID, courseID: CourseID, fee: Money, student: String, textBook: String
  ) {
    self.classID = classID
    self.courseID = courseID
    self.fee = fee
    self.student = student
    self.textBook = textBook
  }

  /// Takes the money once: who asks again, not having heard the answer, hears it then (trap T2). A
  /// refusal keeps nothing, and may be another when the policy is. A free class is paid with
  /// nothing, so that its book is delivered like any other's.
  ///
  /// - Throws: ``PaymentError/invalid(_:)``, ``PaymentError/paidForOtherTerms(_:)``.
  package func perform(
    under policy: PaymentPolicy, in tx: any PayTransaction
  ) throws -> PaymentDecision {
    let problems = self.problems
    guard problems.isEmpty else { throw PaymentError.invalid(problems) }
    let student = try tx.student(of: self.classID, told: self.student)
    if let earlier = try tx.payment(of: self.classID) {
      // The same number for another class: one of the two stores was set back. Nobody is let in on
      // somebody else's payment.
      guard earlier.courseID == self.courseID, earlier.fee == self.fee,
        earlier.student == student
      else {
        throw PaymentError.paidForOtherTerms(self.classID)
      }
      return earlier.status == .completed ? .approved(earlier) : .declined(.classCanceled)
    }
    if try tx.isCanceled(self.classID) { return .declined(.classCanceled) }
    if let reason = policy.reasonToDecline(self.fee) { return .declined(reason) }

    let payment = Payment(
      id: try tx.nextPaymentID(), classID: self.classID, courseID: self.courseID, fee: self.fee,
      student: student, textBook: self.textBook, status: .completed)
    try tx.save(payment)
    try tx.raise(.paymentApproved(PaymentApproved(payment: payment)))
    return .approved(payment)
  }

  private var problems: [FieldProblem] {
    var problems: [FieldProblem] = []
    if self.classID.value < 1 { problems.append(FieldProblem("classId", "must be above 0")) }
    if self.courseID.value < 1 { problems.append(FieldProblem("courseId", "must be above 0")) }
    if let problem = Payment.studentRule.check(self.student) { problems.append(problem) }
    return problems
  }
}
