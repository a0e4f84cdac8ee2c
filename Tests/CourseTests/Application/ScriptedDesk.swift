import CourseCore
import Kernel
import Synchronization

/// Gives the answers it was made with, in order, and counts the questions.
final class ScriptedDesk: EnrollmentDesk {
  private let answers: Mutex<[ClosingAnswer]>
  private let questions = Mutex(0)
  private let meanwhile: @Sendable (CourseID) async -> Void

  /// - Parameter meanwhile: What happens while a question is under way.
  init(
    _ answers: [ClosingAnswer],
    meanwhile: @escaping @Sendable (CourseID) async -> Void = { _ in }
  ) {
    self.answers = Mutex(answers)
    self.meanwhile = meanwhile
  }

  func close(_ courseID: CourseID, because cause: Cause) async -> ClosingAnswer {
    self.questions.withLock { $0 += 1 }
    await self.meanwhile(courseID)
    return self.answers.withLock { answers in
      answers.isEmpty ? .unknown(reason: "the script is over") : answers.removeFirst()
    }
  }

  var questionsAsked: Int { self.questions.withLock { $0 } }
}
