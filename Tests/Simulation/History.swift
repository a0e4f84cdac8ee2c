import CourseCore
import EnrollmentCore
import Kernel
import PayCore

/// What the users asked for and what they were told.
package struct History: Sendable {
  package internal(set) var courses: [CourseIntent] = []
  package internal(set) var deletions: [Attempt<CourseID, Done>] = []
  package internal(set) var enrollments: [EnrollIntent] = []
  package internal(set) var changes: [Attempt<ClassID, Enrollment>] = []
  package internal(set) var cancels: [Attempt<ClassID, Done>] = []
  package internal(set) var refunds: [Attempt<ClassID, Payment>] = []
  package internal(set) var readings: [Attempt<ClassID, Enrollment>] = []
}

/// An answer without content.
package struct Done: Hashable, Sendable {}

/// How a request ended, as the user sees it.
package enum Told<Answer: Sendable>: Sendable {
  case answer(Answer)
  /// It was refused with a reason, and had no effect.
  case refused(Problem)
  /// It may have happened.
  case inDoubt(String)

  var answer: Answer? {
    if case .answer(let answer) = self { answer } else { nil }
  }

  var code: String? {
    if case .refused(let problem) = self { problem.code } else { nil }
  }

  var isInDoubt: Bool {
    if case .inDoubt = self { true } else { false }
  }
}

/// One request about a thing.
package struct Attempt<Target: Sendable, Answer: Sendable>: Sendable {
  package let requestID: String
  package let target: Target
  package let told: Told<Answer>
}

/// A wish to enroll, and the requests it took: several with one key are one wish.
package struct EnrollIntent: Sendable {
  package let student: String
  package let courseID: CourseID
  package let key: IdempotencyKey?
  package internal(set) var attempts: [(requestID: String, told: Told<Enrollment>)] = []
}

package struct CourseIntent: Sendable {
  package let command: RegisterCourse
  package internal(set) var attempts: [(requestID: String, told: Told<Course>)] = []
  /// Changes that were asked for.
  package internal(set) var changes: [Attempt<CourseID, Course>] = []

  var course: Course? { self.attempts.compactMap(\.told.answer).first }
}
