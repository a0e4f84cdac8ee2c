import Kernel

/// That a course was canceled, as Course keeps it.
package struct Cancellation: Hashable, Sendable {
  package let startedAt: Timestamp
  /// How many classes were canceled with the course; nil while some may be left.
  package private(set) var classes: Int64?

  package init(startedAt: Timestamp, classes: Int64? = nil) {
    self.startedAt = startedAt
    self.classes = classes
  }

  mutating func finish(classes: Int64) {
    if self.classes == nil { self.classes = classes }
  }
}

/// How far Enrollment has come with the classes of a canceled course.
package struct CancellationProgress: Hashable, Sendable {
  /// Enrollment knows that the course is canceled: nobody gets in any more.
  package let isHeard: Bool
  package let total: Int64
  package let remaining: Int64

  package init(isHeard: Bool, total: Int64, remaining: Int64) {
    self.isHeard = isHeard
    self.total = total
    self.remaining = remaining
  }

  package var isFinished: Bool { self.isHeard && self.remaining == 0 }
}

/// The cancellation of a course as whoever asked for it sees it.
package struct CourseCancellation: Hashable, Sendable {
  package enum State: String, Hashable, Sendable, CaseIterable {
    case canceling = "CANCELING"
    /// The last class is canceled, and Course has noted it.
    case canceled = "CANCELED"
  }

  package let courseID: CourseID
  package let startedAt: Timestamp
  package let state: State
  /// Classes that were in the course; nil while Enrollment cannot be asked, as `remaining`.
  package let total: Int64?
  package let remaining: Int64?

  package init(
    courseID: CourseID, startedAt: Timestamp, state: State, total: Int64?, remaining: Int64?
  ) {
    self.courseID = courseID
    self.startedAt = startedAt
    self.state = state
    self.total = total
    self.remaining = remaining
  }

  /// - Parameter progress: What Enrollment says; nil when it did not answer.
  package init(
    _ courseID: CourseID, _ cancellation: Cancellation, progress: CancellationProgress?
  ) {
    guard let classes = cancellation.classes else {
      self.init(
        courseID: courseID, startedAt: cancellation.startedAt, state: .canceling,
        total: progress?.total, remaining: progress?.remaining)
      return
    }
    self.init(
      courseID: courseID, startedAt: cancellation.startedAt, state: .canceled, total: classes,
      remaining: 0)
  }

  package var canceled: Int64? {
    guard let total = self.total, let remaining = self.remaining else { return nil }
    return total - remaining
  }
}
