import Kernel

/// What callers may ask of Point: granted and canceled points, never pending ones (R13).
package protocol PointPort: Sendable {
  /// - Throws: ``PointError/notFound(_:)``.
  func point(_ id: PointID) async throws -> Point

  func points(_ page: PageRequest) async throws -> Page<Point>

  func points(of classID: ClassID) async throws -> [Point]
}
