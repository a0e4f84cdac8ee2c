import Kernel

/// Where a course is looked up when the own copy is missing or may be stale.
package protocol CourseCatalog: Sendable {
  func offer(of courseID: CourseID, because cause: Cause) async -> CatalogAnswer
}

package enum CatalogAnswer: Hashable, Sendable {
  case offer(CourseOffer)
  case noSuchCourse
  /// The course takes nobody in any more.
  case canceled
  /// The catalog did not answer.
  case unknown(reason: String)
}
