import Kernel

/// What callers may ask of Course and its deliveries.
package protocol CoursePort: Sendable {
  /// - Parameter key: A repeat with the same key gets the first answer and no second course.
  func register(
    _ command: RegisterCourse, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Course

  func modify(
    _ id: CourseID, _ change: CourseChange, by caller: Caller
  ) async throws -> Course

  /// - Throws: ``CourseError/hasEnrollments(_:)`` while somebody is enrolled;
  ///   ``CourseError/enrollmentUnavailable(_:)`` when that cannot be found out now.
  func delete(_ id: CourseID, by caller: Caller) async throws

  /// Ends a course with all classes in it; again changes nothing (X1). Enrollment hears of it and
  /// cancels them.
  ///
  /// - Returns: How far it has come; without numbers when Enrollment cannot be asked now.
  /// - Throws: ``CourseError/notFound(_:)``.
  func cancel(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation

  /// - Throws: ``CourseError/notFound(_:)``, ``CourseError/notCanceled(_:)``;
  ///   ``CourseError/progressUnknown(_:)`` when Enrollment cannot be asked and must be.
  func cancellation(_ id: CourseID, by caller: Caller) async throws -> CourseCancellation

  /// A canceled course too, so that what was about it still leads somewhere.
  ///
  /// - Throws: ``CourseError/notFound(_:)``, also while the course is being deleted.
  func course(_ id: CourseID) async throws -> Course

  /// Those that students can look for a place in (R2): no canceled ones.
  func courses(_ page: PageRequest) async throws -> Page<Course>

  func delivery(_ id: DeliveryID, by caller: Caller) async throws -> Delivery

  func deliveries(_ page: PageRequest, by caller: Caller) async throws -> Page<Delivery>

  func deliveries(of classID: ClassID, by caller: Caller) async throws -> [Delivery]
}
