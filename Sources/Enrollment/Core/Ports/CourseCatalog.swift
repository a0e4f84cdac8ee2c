import Kernel

/// Where the terms of a course are looked up when the own copy is missing or may be stale.
package protocol CourseCatalog: Sendable {
  func terms(of courseID: CourseID, because cause: Cause) async -> CatalogAnswer
}

package enum CatalogAnswer: Hashable, Sendable {
  case terms(CourseTerms)
  case noSuchCourse
  /// The catalog did not answer.
  case unknown(reason: String)
}
