import Kernel

/// One student in one course: what the seed calls a class (수강).
package struct Enrollment: Hashable, Sendable {
  package static let studentRule = TextRule("student", length: 1...100)
  /// For what a client says; the course's own book has passed Course.
  package static let textBookRule = TextRule("textBook", length: 0...200)

  package enum Status: String, Hashable, Sendable, CaseIterable {
    /// Accepted; whether it is paid is not known yet.
    case pending = "PENDING"
    case registered = "REGISTERED"
    case paymentFailed = "PAYMENT_FAILED"
    /// Kept, so that the student's history stays whole (R6, trap T35).
    case canceled = "CANCELED"
  }

  package let id: ClassID
  package let courseID: CourseID
  /// Copied from the course on acceptance; they stay, whatever the course says later (trap T33).
  package let terms: CourseTerms
  package private(set) var student: String
  package private(set) var status: Status
  /// What Pay said, when the payment failed.
  package private(set) var declineReason: String?
  package let acceptedAt: Timestamp

  package init(
    id: ClassID, courseID: CourseID, terms: CourseTerms, student: String, status: Status,
    declineReason: String? = nil, acceptedAt: Timestamp
  ) {
    self.id = id
    self.courseID = courseID
    self.terms = terms
    self.student = student
    self.status = status
    self.declineReason = declineReason
    self.acceptedAt = acceptedAt
  }

  /// Takes the student's place in the course: no second enrollment of both is accepted (trap T17).
  package var isActive: Bool { self.status == .pending || self.status == .registered }

  /// The class is paid, or free.
  ///
  /// - Returns: What happened, or nil when the class was not pending.
  package mutating func register() -> ClassRegistered? {
    guard self.status == .pending else { return nil }
    self.status = .registered
    return ClassRegistered(enrollment: self)
  }

  /// The payment is declined; does nothing when the class is not pending.
  package mutating func failPayment(_ reason: String) {
    guard self.status == .pending else { return }
    self.status = .paymentFailed
    self.declineReason = reason
  }

  /// A payment came although it had been declined, and the student was told so: the class is over,
  /// and Pay gives the money back when it hears of it; also when the student has canceled the class
  /// since, of which Pay did not hear.
  ///
  /// - Returns: What happened, or nil when the payment had not failed, or Pay was told before.
  package mutating func rejectLatePayment() -> ClassCanceled? {
    let isUntold = self.status == .canceled && self.declineReason != nil
    guard self.status == .paymentFailed || isUntold else { return nil }
    self.status = .canceled
    self.declineReason = nil
    return ClassCanceled(enrollment: self)
  }

  /// Cancels the class, also while its payment is not known: Pay gives the money back or declines
  /// it when it comes (trap T16).
  ///
  /// - Returns: What happened, or nil when it was canceled before, or not paid: nobody else was told
  ///   of such a class.
  package mutating func cancel() -> ClassCanceled? {
    let wasActive = self.isActive
    self.status = .canceled
    return wasActive ? ClassCanceled(enrollment: self) : nil
  }

  /// Changes the student. The terms are fixed; they may be sent again as they are (trap T34).
  ///
  /// - Returns: What happened, or nil when nothing changed.
  /// - Throws: ``EnrollmentError/classPending(_:)``: Pay was asked in the student's name, and may be
  ///   asked again.
  package mutating func modify(_ change: ClassChange) throws(EnrollmentError) -> ClassModified? {
    guard self.isActive else { throw .notFound(self.id) }
    if let courseID = change.courseID, courseID != self.courseID {
      throw .termsFixed(self.id, field: "courseId")
    }
    if let fee = change.fee, fee != self.terms.fee { throw .termsFixed(self.id, field: "fee") }
    if let textBook = change.textBook, textBook != self.terms.textBook {
      throw .termsFixed(self.id, field: "textBook")
    }
    guard let student = change.student, student != self.student else { return nil }
    if let problem = Enrollment.studentRule.check(student) { throw .invalid([problem]) }
    guard self.status == .registered else { throw .classPending(self.id) }
    self.student = student
    return ClassModified(enrollment: self)
  }
}

/// The fields a student wants to change; nil leaves a field as it is.
package struct ClassChange: Hashable, Sendable {
  package let student: String?
  package let courseID: CourseID?
  package let fee: Money?
  package let textBook: String?

  package init(
    student: String? = nil, courseID: CourseID? = nil, fee: Money? = nil, textBook: String? = nil
  ) {
    self.student = student?.normalized
    self.courseID = courseID
    self.fee = fee
    self.textBook = textBook
  }
}
