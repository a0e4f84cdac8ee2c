import CourseCore
import Kernel
import Synchronization

/// Gives the answers it was made with, in order, and counts the questions.
final class ScriptedDesk: EnrollmentDesk {
  private let answers: Mutex<[ClosingAnswer]>
  private let questions = Mutex(0)
  private let progress = Mutex<CancellationProgress?>(nil)
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

  func cancellationProgress(
    of courseID: CourseID, because cause: Cause
  ) async -> CancellationProgress? {
    self.progress.withLock { $0 }
  }

  /// What is said of the classes of a canceled course from now on; nil is no answer.
  func say(_ progress: CancellationProgress?) { self.progress.withLock { $0 = progress } }

  var questionsAsked: Int { self.questions.withLock { $0 } }
}
