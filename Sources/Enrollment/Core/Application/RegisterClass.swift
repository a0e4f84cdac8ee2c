import Kernel

/// The command of a student who wants to take part in a course.
package struct RegisterClass: Hashable, Sendable {
  package let courseID: CourseID
  package let student: String
  /// What the student thinks the course costs. The price is the course's (trap T21): another
  /// expectation is refused, none accepts the price.
  package let expectedFee: Money?
  /// What the student's client says the textbook is. The course's counts, whatever this says; it
  /// only belongs to what an idempotency key stands for.
  package let saidTextBook: String?
  /// The token of the student's waiting ticket, if there is one; no part of what an idempotency key
  /// stands for.
  package let waitingTicket: String?

  package init(
    courseID: CourseID, student: String, expectedFee: Money? = nil, saidTextBook: String? = nil,
    waitingTicket: String? = nil
  ) {
    self.courseID = courseID
    self.student = student.normalized
    self.expectedFee = expectedFee
    self.saidTextBook = saidTextBook
    self.waitingTicket = waitingTicket
  }

  /// The same for another student.
  func of(_ student: String) -> RegisterClass {
    RegisterClass(
      courseID: self.courseID, student: student, expectedFee: self.expectedFee,
      saidTextBook: self.saidTextBook, waitingTicket: self.waitingTicket)
  }

  func commandKey(_ key: IdempotencyKey, of caller: Caller) -> CommandKey {
    CommandKey(
      caller: caller.name, operation: "register-class", key: key,
      fingerprint: FieldText.encode([
        self.courseID.description, self.student, self.expectedFee.map { String($0.won) } ?? "",
        self.saidTextBook ?? "",
      ]))
  }
}
