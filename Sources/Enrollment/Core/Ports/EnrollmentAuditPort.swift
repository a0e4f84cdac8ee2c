import Kernel

/// What whoever compares the books of the services may ask of Enrollment.
package protocol EnrollmentAuditPort: Sendable {
  /// Classes by ascending id, whatever their status.
  ///
  /// - Parameters:
  ///   - first: Only those with a higher id.
  ///   - last: Only those up to this id; nil for all.
  func enrollments(
    after first: ClassID, through last: ClassID?, atMost count: Int
  ) async throws -> [Enrollment]

  /// Asks Pay for the money of an active class, by its key, and carries out the answer: whoever is
  /// in and is not paid for is out.
  ///
  /// - Returns: The class as it is now; as it was when Pay gave no answer.
  /// - Throws: ``EnrollmentError/notFound(_:)``.
  func settle(_ id: ClassID, because cause: Cause) async throws -> Enrollment

  /// Tells the others once more what the class is: whoever knew it does nothing.
  ///
  /// - Returns: What was told; nil for a class in a state that nobody is told of.
  /// - Throws: ``EnrollmentError/notFound(_:)``.
  func repeatNews(of id: ClassID, because cause: Cause) async throws -> EnrollmentEvent?
}
