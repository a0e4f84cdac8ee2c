import Kernel

/// What callers may ask of the lines for full courses. A seat that is offered is taken by enrolling.
package protocol WaitlistPort: Sendable {
  /// Puts a student at the end of the line. Who could not enroll anyway is told before.
  ///
  /// - Parameter key: A repeat with the same key gets the first answer.
  func join(
    _ command: JoinWaitlist, by caller: Caller, key: IdempotencyKey?
  ) async throws -> WaitlistPlace

  /// Gives up a place or an offer. Leaving again changes nothing and is no error.
  ///
  /// - Throws: ``EnrollmentError/placeNotFound(_:)``.
  func leave(_ id: WaitlistID, by caller: Caller) async throws

  /// - Throws: ``EnrollmentError/placeNotFound(_:)``, also for one that its student has left.
  func place(_ id: WaitlistID, by caller: Caller) async throws -> WaitlistPlace

  /// Those who wait or have been offered a seat.
  func places(_ page: PageRequest, by caller: Caller) async throws -> Page<WaitlistPlace>

  /// All that the student ever waited for.
  func places(ofStudent student: String, _ page: PageRequest, by caller: Caller) async throws
    -> Page<WaitlistPlace>

  /// Those who wait for the course or have been offered a seat in it, the first in line first.
  func places(ofCourse courseID: CourseID, _ page: PageRequest, by caller: Caller) async throws
    -> Page<WaitlistPlace>
}
