import Kernel

/// What whoever compares the books of the services may ask of Pay.
package protocol PayAuditPort: Sendable {
  /// Payments by ascending class, whatever their status.
  ///
  /// - Parameters:
  ///   - first: Only those of higher classes.
  ///   - last: Only those of classes up to this one; nil for all.
  func payments(
    afterClass first: ClassID, throughClass last: ClassID?, atMost count: Int
  ) async throws -> [Payment]

  /// Tells the others once more where the money of a class is: whoever knew it does nothing.
  ///
  /// - Returns: What was told.
  /// - Throws: ``PaymentError/notPaid(_:)``.
  func repeatNews(of classID: ClassID, because cause: Cause) async throws -> PayEvent
}
