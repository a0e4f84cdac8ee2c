import Kernel

/// Deletes a course once Enrollment has agreed that nobody is in it (trap T32).
///
/// The course is closed first and durably, so that the question can be asked again after a crash;
/// no transaction is open while it is asked (trap T1).
package struct DeleteCourse: Sendable {
  private let store: any CourseStore
  private let desk: any EnrollmentDesk

  package init(store: any CourseStore, desk: any EnrollmentDesk) {
    self.store = store
    self.desk = desk
  }

  package func perform(
    _ id: CourseID, at now: Timestamp, because cause: Cause
  ) async throws {
    let (closedNow, attempt) = try await self.close(id, at: now, because: cause)
    CrashPoint.reached(.deletionBegun)
    switch try await self.finish(id, attempt, because: cause) {
    case .closed:
      return
    case .refused:
      throw CourseError.hasEnrollments(id)
    case .notAsked(let reason):
      // Only if no earlier question about this course may have been heard.
      if closedNow { try await self.reopen(id, after: attempt, because: cause) }
      throw CourseError.enrollmentUnavailable(reason)
    case .unknown(let reason):
      // It stays closing; `FinishClosings` asks again.
      throw CourseError.enrollmentUnavailable(reason)
    }
  }

  /// Asks the desk about a closing course and, when there is an answer, carries it out.
  ///
  /// - Parameter attempt: The moment that marks it, ``Course/closingSince``.
  func finish(
    _ id: CourseID, _ attempt: Timestamp, because cause: Cause
  ) async throws -> ClosingAnswer {
    let answer = await self.desk.close(id, because: cause)
    switch answer {
    case .closed: try await self.remove(id, because: cause)
    case .refused: try await self.reopen(id, after: attempt, because: cause)
    case .notAsked, .unknown: break
    }
    return answer
  }

  private func close(
    _ id: CourseID, at now: Timestamp, because cause: Cause
  ) async throws -> (closedNow: Bool, attempt: Timestamp) {
    try await self.store.transact(because: cause) { tx in
      guard var course = try tx.course(id) else { throw CourseError.notFound(id) }
      let closedNow = course.close(at: now)
      try tx.save(course)
      CrashPoint.reached(.beginDeletionCommits)
      return (closedNow, course.closingSince ?? now)
    }
  }

  private func remove(_ id: CourseID, because cause: Cause) async throws {
    try await self.store.transact(because: cause) { tx in
      guard let course = try tx.course(id) else { return }
      try tx.remove(id)
      try tx.raise(
        .courseDeleted(
          CourseDeleted(
            id: id, name: course.details.name, teacher: course.details.teacher)))
      CrashPoint.reached(.deleteCourseCommits)
    }
    CrashPoint.reached(.courseDeleted)
  }

  private func reopen(
    _ id: CourseID, after attempt: Timestamp, because cause: Cause
  ) async throws {
    try await self.store.transact(because: cause) { tx in
      guard var course = try tx.course(id) else { return }
      course.reopen(after: attempt)
      try tx.save(course)
      CrashPoint.reached(.reopenCourseCommits)
    }
    CrashPoint.reached(.courseReopened)
  }
}
