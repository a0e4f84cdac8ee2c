import Kernel

/// The command of a student who wants to take part in a course.
package struct RegisterClass: Hashable, Sendable {
  package let courseID: CourseID
  package let student: String
  /// What the student thinks the course costs. The price is the course's (trap T21): another
  /// expectation is refused, none accepts the price.
  package let expectedFee: Money?

  package init(courseID: CourseID, student: String, expectedFee: Money? = nil) {
    self.courseID = courseID
    self.student = student
    self.expectedFee = expectedFee
  }

  func commandKey(_ key: IdempotencyKey, of caller: Caller) -> CommandKey {
    CommandKey(
      caller: caller.name, operation: "register-class", key: key,
      fingerprint: FieldText.encode([
        self.courseID.description, self.student, self.expectedFee.map { String($0.won) } ?? "",
      ]))
  }
}
