import Kernel

/// Where students enroll. It agrees before a course is deleted.
package protocol EnrollmentDesk: Sendable {
  /// Asks to take nobody in for the course any more. The same question may be asked again.
  func close(_ courseID: CourseID, because cause: Cause) async -> ClosingAnswer

  /// Asks how far the classes of a canceled course are canceled.
  ///
  /// - Returns: nil without an answer.
  func cancellationProgress(
    of courseID: CourseID, because cause: Cause
  ) async -> CancellationProgress?
}

/// What the desk says about closing a course.
package enum ClosingAnswer: Hashable, Sendable {
  /// Nobody is enrolled, and nobody will be.
  case closed
  /// Somebody is enrolled, and the course stays open.
  case refused
  /// The question surely did not arrive.
  case notAsked(reason: String)
  /// The question may have been heard: a timeout is no answer (trap T2).
  case unknown(reason: String)
}
