import AdaptorTestSupport
import Kernel
import PointCore
import Testing

@Suite("The contract of Point's port")
struct PointContractTests {
  @Test(
    "W7: granted points are found by id, by class and in the list", arguments: Way.allCases)
  func grants(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.with(way) { port in
      let granted = try PayTells.point(through: way)
      #expect(granted.cashpoint == 100)
      #expect(try await port.point(PointID(1)) == granted)
      #expect(try await port.points(of: ClassID(1)) == [granted])
      #expect(try await port.points(of: ClassID(2)).isEmpty)
      let page = try await port.points(try PageRequest())
      #expect(page.items == [granted])
      #expect(page.totalElements == 1)
    }
    #expect(try await point.harness.eventTypes() == ["PointRegistered"])
  }

  @Test("R13, T42, W18: points without a gift are shown to nobody", arguments: Way.allCases)
  func hidesPending(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.tell([try PayTells.approved(1)])
    try await point.with(way) { port in
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.point(PointID(1))
      }
      #expect((error as? any DomainError)?.problem.code == "not-found")
      #expect(try await port.points(of: ClassID(1)).isEmpty)
      let page = try await port.points(try PageRequest())
      #expect(page.items.isEmpty)
      #expect(page.totalElements == 0)
    }
    #expect(try await point.harness.eventTypes().isEmpty)
  }

  @Test("W14: canceled points stay in the list and are worth nothing", arguments: Way.allCases)
  func cancels(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1), try PayTells.canceled(2))
    try await point.with(way) { port in
      let canceled = try PayTells.point(is: .canceled, through: way)
      #expect(canceled.cashpoint == 0)
      #expect(try await port.point(PointID(1)) == canceled)
      #expect(try await port.points(of: ClassID(1)) == [canceled])
      #expect(try await port.points(try PageRequest()).items == [canceled])
    }
  }

  @Test("T40: a broken point is dropped", arguments: Way.allCases)
  func truncates(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(
      try PayTells.approved(1, payment: 1, fee: 99), try PayTells.approved(2, payment: 2, fee: 100),
      try PayTells.approved(3, payment: 3, fee: 10_099))
    try await point.with(way) { port in
      let points = try await port.points(try PageRequest()).items
      #expect(points.map(\.cashpoint) == [0, 1, 100])
    }
  }

  @Test("an unknown point is a not-found", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.with(way) { port in
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.point(PointID(99))
      }
      #expect((error as? any DomainError)?.problem.code == "not-found")
      #expect((error as? any DomainError)?.problem.kind == .notFound)
    }
  }

  @Test("lists are paged and sorted, by each field", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let point = try PointHarness()
    for number in Int64(1)...5 {
      try await point.earn(
        try PayTells.approved(
          number, payment: number, fee: number * 1000, student: "student-\(number)"))
    }
    try await point.with(way) { port in
      for field in ["id", "classId", "fee", "student", "cashpoint"] {
        let request = try PageRequest(
          number: 1, size: 2, sort: [SortKey(field: field, descending: true)])
        let page = try await port.points(request)
        #expect(page.items.map(\.cashpoint) == [30, 20], "sorted by \(field)")
        #expect(page.totalElements == 5)
        #expect(page.totalPages == 3)
      }
    }
  }

  @Test(
    "a page after a value of the first sort key, which REST does not offer",
    arguments: [Way.application, .rpc])
  func after(_ way: Way) async throws {
    let point = try PointHarness()
    for number in Int64(1)...5 {
      try await point.earn(
        try PayTells.approved(
          number, payment: number, fee: number * 1000, student: "student-\(number)"))
    }
    try await point.with(way) { port in
      let sort = [SortKey(field: "classId")]
      for (after, cashpoints) in [
        (Int64.min, [10, 20, 30]), (0, [10, 20, 30]), (2, [30, 40, 50]), (3, [40, 50]), (5, []),
      ] as [(Int64, [Int64])] {
        let page = try await port.points(try PageRequest(size: 3, sort: sort, after: after))
        #expect(page.items.map(\.cashpoint) == cashpoints, "after \(after)")
        #expect(page.totalElements == cashpoints.count)
      }
    }
    #expect(throws: Problem.self) { try PageRequest(after: 1) }
    #expect(throws: Problem.self) {
      try PageRequest(number: 1, sort: [SortKey(field: "classId")], after: 1)
    }
    #expect(throws: Problem.self) {
      try PageRequest(sort: [SortKey(field: "classId", descending: true)], after: 1)
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "status")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.points(request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
