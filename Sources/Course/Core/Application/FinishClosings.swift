import Kernel

/// Settles the courses that a crash or a lost answer left closing.
package struct FinishClosings: Sendable {
  /// Questions asked at the same time.
  package static let concurrentQuestionsMax = 4
  /// No request waits for longer, in seconds: a course that seems to be closing since later than so
  /// long after the limit was closed under a clock that ran ahead, and nobody waits for it.
  package static let futureSeconds: Int64 = 60

  private let store: any CourseStore
  private let deleteCourse: DeleteCourse

  package init(store: any CourseStore, desk: any EnrollmentDesk) {
    self.store = store
    self.deleteCourse = DeleteCourse(store: store, desk: desk)
  }

  /// - Parameters:
  ///   - limit: Courses closing since later than this are left to the request that closed them.
  ///   - count: Most courses to ask about.
  package func perform(since limit: Timestamp, atMost count: Int) async throws -> Settlement {
    let courses = try await self.store.coursesClosing(
      since: limit, orAfter: limit.adding(seconds: Self.futureSeconds), atMost: count)
    let settled = await courses.concurrentMap(atMost: Self.concurrentQuestionsMax) { course in
      let cause = Cause(id: "finish-closing-\(course.id)")
      guard let attempt = course.closingSince else { return true }
      // An error of the store leaves the course closing, as a missing answer does.
      switch try? await self.deleteCourse.finish(course.id, attempt, because: cause) {
      case .closed, .refused: return true
      case .notAsked, .unknown, nil: return false
      }
    }
    return Settlement(of: settled)
  }
}
