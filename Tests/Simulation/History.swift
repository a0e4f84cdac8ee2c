import CourseCore
import EnrollmentCore
import Kernel
import PayCore

/// What the users asked for and what they were told.
package struct History: Sendable {
  package internal(set) var courses: [CourseIntent] = []
  package internal(set) var deletions: [Attempt<CourseID, Done>] = []
  package internal(set) var cancellations: [Attempt<CourseID, CourseCancellation>] = []
  package internal(set) var enrollments: [EnrollIntent] = []
  package internal(set) var changes: [Attempt<ClassID, Enrollment>] = []
  package internal(set) var cancels: [Attempt<ClassID, Done>] = []
  package internal(set) var refunds: [Attempt<ClassID, Payment>] = []
  package internal(set) var readings: [Attempt<ClassID, Enrollment>] = []
  package internal(set) var statements: [Attempt<ClassID, [Payment]>] = []
  package internal(set) var joins: [JoinIntent] = []
  package internal(set) var leaves: [Attempt<WaitlistID, Done>] = []
  package internal(set) var tickets: [TicketLook] = []
  package internal(set) var registrations: [RoomRegistration] = []
  package internal(set) var ticketsGivenUp: [Attempt<String, Done>] = []
  package internal(set) var looks: [Attempt<WaitlistID, WaitlistPlace>] = []
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

/// A wish to wait for a seat, and the requests it took.
package struct JoinIntent: Sendable {
  package let student: String
  package let courseID: CourseID
  package let key: IdempotencyKey?
  package internal(set) var attempts: [(requestID: String, told: Told<WaitlistPlace>)] = []
}

/// A request for a ticket of the waiting room, or for how it stands.
package struct TicketLook: Sendable {
  package let student: String
  /// nil when the student wants one.
  package let token: String?
  /// What the student wants one for.
  package let courseID: CourseID?
  /// In virtual microseconds.
  package let asked: Int64
  package let answered: Int64
  /// How often Enrollment had started when it was asked …
  package let startsBefore: Int
  /// … and when the answer was there.
  package let starts: Int
  package let told: Told<WaitingStanding>

  /// Whether the life of Enrollment that answered is known: it is that of ``starts``.
  package var isOfOneLife: Bool { self.startsBefore == self.starts }
}

/// A registration, as far as the waiting room's door is concerned.
package struct RoomRegistration: Sendable {
  package let student: String
  /// nil without a ticket.
  package let token: String?
  /// In virtual microseconds.
  package let asked: Int64
  package let answered: Int64
  /// How often Enrollment had started, before and after.
  package let startsBefore: Int
  package let starts: Int
  /// Why it was refused.
  package let code: String?
}

package struct CourseIntent: Sendable {
  package let command: RegisterCourse
  package internal(set) var attempts: [(requestID: String, told: Told<Course>)] = []
  /// Changes that were asked for, one after another.
  package internal(set) var changes: [CourseChanging] = []

  var course: Course? { self.attempts.compactMap(\.told.answer).first }

  /// The most classes that a student was ever to be allowed; nil is as many as they like.
  var maxPerStudent: Int64? {
    let asked = [self.command.seats.maxPerStudent] + self.changes.compactMap(\.maxPerStudent)
    return asked.contains(0) ? nil : asked.max()
  }
}

package struct CourseChanging: Sendable {
  package let maxPerStudent: Int64?
  package let told: Told<Course>
}
