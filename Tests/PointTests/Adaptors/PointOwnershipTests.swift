import AdaptorTestSupport
import Kernel
import PointCore
import Testing

@Suite("T22: whose points Point's port shows")
struct PointOwnershipTests {
  @Test("a student sees their own alone, an operator all", arguments: Way.allCases)
  func reads(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(
      try PayTells.approved(1, payment: 1, student: Caller.studentA.name),
      try PayTells.approved(2, payment: 2, student: Caller.studentB.name))
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await point.with(way) { (port: any PointPort) async throws -> Void in
        #expect(try await port.point(PointID(1), by: .studentA).paid.student == "student-a")
        let hidden = await problem { try await port.point(PointID(1), by: .studentB) }
        #expect(hidden?.kind == .notFound)
        #expect(try await port.points(of: ClassID(1), by: .studentB).isEmpty)
        let own = try await port.points(page, by: .studentB)
        #expect(own.items.map(\.paid.classID) == [ClassID(2)])
        #expect(own.totalElements == 1)
        #expect(try await port.points(page, by: .admin).totalElements == 2)
        #expect(try await port.balance(of: "student-a", by: .studentA) == 100)
        let balance = await problem { try await port.balance(of: "student-a", by: .studentB) }
        #expect(balance?.code == "not-owner")
        #expect(try await port.entries(of: ClassID(1), page, by: .studentA).totalElements == 1)
        #expect(try await port.entries(of: ClassID(1), page, by: .studentB).totalElements == 0)
        #expect(try await port.entries(of: ClassID(1), page, by: .admin).totalElements == 1)
      }
    }
  }
}
