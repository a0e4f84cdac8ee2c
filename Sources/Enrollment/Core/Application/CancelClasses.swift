import Kernel

/// Lets everybody go who is in a canceled course, batch by batch: the registered and the pending
/// ones. What is left to do is what the store says, so that it goes on after a crash at any point.
package struct CancelClasses: Sendable {
  /// Classes in one transaction: few enough that students of other courses do not wait for it.
  package static let batchSize = 64
  /// Courses in one round.
  package static let coursesMax = 16

  private let store: any EnrollmentStore

  package init(store: any EnrollmentStore) {
    self.store = store
  }

  /// One batch of each course.
  ///
  /// - Returns: One for each course that a batch was canceled of.
  package func perform() async throws -> Settlement {
    let courses = try await self.store.coursesBeingCanceled(atMost: Self.coursesMax)
    var outcomes: [Bool] = []
    for course in courses {
      // An error of the store leaves the course for the next round.
      let count = try? await self.store.transact(because: Cause(id: "cancel-course-\(course)")) {
        tx in
        let batch = try tx.activeClasses(in: course, atMost: Self.batchSize)
        for id in batch { try CancelClass(id).perform(in: tx) }
        CrashPoint.reached(.cancelClassesCommits)
        return batch.count
      }
      CrashPoint.reached(.classesCanceled)
      outcomes.append((count ?? 0) > 0)
    }
    return Settlement(of: outcomes)
  }
}
