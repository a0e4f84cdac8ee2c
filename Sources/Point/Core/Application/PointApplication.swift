import Kernel

/// Point as its callers see it.
package struct PointApplication: PointPort {
  private let store: any PointStore

  package init(store: any PointStore) {
    self.store = store
  }

  package func point(_ id: PointID, by caller: Caller) async throws -> Point {
    guard let point = try await self.store.visiblePoint(id), caller.owns(point.paid.student) else {
      throw PointError.notFound(id)
    }
    return point
  }

  package func points(_ page: PageRequest, by caller: Caller) async throws -> Page<Point> {
    try await self.store.visiblePoints(page, ofStudent: caller.onlyOwner)
  }

  package func points(of classID: ClassID, by caller: Caller) async throws -> [Point] {
    try await self.store.visiblePoints(of: classID).filter { caller.owns($0.paid.student) }
  }

  package func balance(of student: String, by caller: Caller) async throws -> Int64 {
    let student = student.normalized
    try caller.requireOwner(student, of: "the points of another student")
    return try await self.store.balance(of: student)
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedPointEntry> {
    // The ledger names no student: the points of the class do.
    if caller.onlyOwner != nil, try await self.points(of: classID, by: caller).isEmpty {
      return Page(items: [], totalElements: 0, request: page)
    }
    return try await self.store.entries(of: classID, page)
  }
}
