import Kernel

/// What callers may ask of Point: granted and canceled points, never pending ones (R13).
package protocol PointPort: Sendable {
  /// - Throws: ``PointError/notFound(_:)``.
  func point(_ id: PointID, by caller: Caller) async throws -> Point

  func points(_ page: PageRequest, by caller: Caller) async throws -> Page<Point>

  func points(of classID: ClassID, by caller: Caller) async throws -> [Point]

  /// The points that a student has: the sum of the ledger's entries for the payments of the classes
  /// that are theirs now. 0 for whom nobody knows.
  func balance(of student: String, by caller: Caller) async throws -> Int64

  /// What the ledger says of a class, in the order it was written.
  func entries(of classID: ClassID, _ page: PageRequest, by caller: Caller) async throws -> Page<
    PostedPointEntry
  >
}
