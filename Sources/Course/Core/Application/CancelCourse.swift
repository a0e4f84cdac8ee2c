import Kernel

/// The command of a teacher who ends a course with all who are in it (X1).
///
/// Course only says so, durably; Enrollment cancels the classes, and what follows from a canceled
/// class follows by itself: the refund, the returned book, the reversed points, the revoked gift.
package struct CancelCourse: Hashable, Sendable {
  package let id: CourseID

  package init(_ id: CourseID) {
    self.id = id
  }

  /// - Returns: The cancellation, begun now or before.
  package func perform(
    at now: Timestamp, in tx: any CourseTransaction
  ) throws -> Cancellation {
    guard var course = try tx.course(self.id) else { throw CourseError.notFound(self.id) }
    if let canceled = try course.cancel(at: now) {
      try tx.save(course)
      try tx.raise(.courseCanceled(canceled))
    }
    return course.cancellation ?? Cancellation(startedAt: now)
  }
}
