import Kernel

/// Notes of each canceled course when Enrollment has canceled the last of its classes. From then on
/// Course answers for the cancellation by itself.
package struct FinishCancellations: Sendable {
  /// Questions asked at the same time.
  package static let concurrentQuestionsMax = 4

  private let store: any CourseStore
  private let desk: any EnrollmentDesk

  package init(store: any CourseStore, desk: any EnrollmentDesk) {
    self.store = store
    self.desk = desk
  }

  /// - Parameter count: Most courses to ask about.
  package func perform(atMost count: Int) async throws -> Settlement {
    let courses = try await self.store.coursesBeingCanceled(atMost: count)
    let settled = await courses.concurrentMap(atMost: Self.concurrentQuestionsMax) { course in
      // An error of the store leaves the course as it is, as a missing answer does.
      (try? await self.finish(course.id)) ?? false
    }
    return Settlement(of: settled)
  }

  private func finish(_ id: CourseID) async throws -> Bool {
    let cause = Cause(id: "finish-cancellation-\(id)")
    guard let progress = await self.desk.cancellationProgress(of: id, because: cause),
      progress.isFinished
    else { return false }
    try await self.store.transact(because: cause) { tx in
      guard var course = try tx.course(id) else { return }
      course.finishCancellation(classes: progress.total)
      try tx.save(course)
      CrashPoint.reached(.finishCancellationCommits)
    }
    CrashPoint.reached(.cancellationFinished)
    return true
  }
}
