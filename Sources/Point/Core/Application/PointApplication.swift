import Kernel

/// Point as its callers see it.
package struct PointApplication: PointPort {
  private let store: any PointStore

  package init(store: any PointStore) {
    self.store = store
  }

  package func point(_ id: PointID) async throws -> Point {
    guard let point = try await self.store.visiblePoint(id) else { throw PointError.notFound(id) }
    return point
  }

  package func points(_ page: PageRequest) async throws -> Page<Point> {
    try await self.store.visiblePoints(page)
  }

  package func points(of classID: ClassID) async throws -> [Point] {
    try await self.store.visiblePoints(of: classID)
  }

  package func balance(of student: String) async throws -> Int64 {
    try await self.store.balance(of: student.normalized)
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest
  ) async throws -> Page<PostedPointEntry> {
    try await self.store.entries(of: classID, page)
  }
}
