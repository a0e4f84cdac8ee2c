import CourseCore
import Kernel
import Synchronization

/// Gives the answers it was made with, in order, and counts the questions.
final class ScriptedDesk: EnrollmentDesk {
  private let answers: Mutex<[ClosingAnswer]>
  private let questions = Mutex(0)

  init(_ answers: [ClosingAnswer]) {
    self.answers = Mutex(answers)
  }

  func close(_ courseID: CourseID, because cause: Cause) async -> ClosingAnswer {
    self.questions.withLock { $0 += 1 }
    return self.answers.withLock { answers in
      answers.isEmpty ? .unknown(reason: "the script is over") : answers.removeFirst()
    }
  }

  var questionsAsked: Int { self.questions.withLock { $0 } }
}
