import Kernel

/// What callers may ask of Enrollment.
package protocol EnrollmentPort: Sendable {
  /// Takes a student in.
  ///
  /// - Parameter key: A repeat with the same key gets the first answer and no second class.
  /// - Returns: A registered class, or a pending one when the payment is not known yet.
  func register(
    _ command: RegisterClass, by caller: Caller, key: IdempotencyKey?
  ) async throws -> Enrollment

  func modify(
    _ id: ClassID, _ change: ClassChange, by caller: Caller
  ) async throws -> Enrollment

  /// Lets a student go. Canceling again changes nothing and is no error.
  ///
  /// - Throws: ``EnrollmentError/notFound(_:)``.
  func cancel(_ id: ClassID, by caller: Caller) async throws

  /// Also one whose payment failed: who was told that it is pending can see what became of it.
  ///
  /// - Throws: ``EnrollmentError/notFound(_:)``, also for a class that is canceled.
  func enrollment(_ id: ClassID, by caller: Caller) async throws -> Enrollment

  /// The registered and the pending ones.
  func enrollments(_ page: PageRequest, by caller: Caller) async throws -> Page<Enrollment>

  /// The student's whole history (R6).
  func enrollments(ofStudent student: String, _ page: PageRequest, by caller: Caller) async throws
    -> Page<Enrollment>

  /// Takes nobody in for the course any more; asked by Course before it deletes one.
  ///
  /// - Throws: ``EnrollmentError/courseHasEnrollments(_:)`` while somebody is enrolled.
  func close(_ courseID: CourseID, by caller: Caller) async throws

  /// How far the classes of a course are canceled; asked by Course when it has canceled one.
  func cancellationProgress(of courseID: CourseID, by caller: Caller) async throws
    -> CancellationProgress
}
