import AdaptorTestSupport
import Kernel
import PointCore
import Testing

@Suite("The contract of Point's port: balances and the ledger")
struct PointLedgerContractTests {
  @Test("T39: a balance is what was granted and not taken back", arguments: Way.allCases)
  func balances(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(
      try PayTells.approved(1, payment: 1, fee: 10_099),
      try PayTells.approved(2, payment: 2, fee: 20_000),
      try PayTells.approved(3, payment: 3, fee: 30_000, student: "lee"))
    try await point.with(way) { port in
      #expect(try await port.balance(of: "john-doe") == 300)
      #expect(try await port.balance(of: "lee") == 300)
      #expect(try await port.balance(of: "nobody & co") == 0)
      try await point.tell([PayTells.canceled(4, payment: 2, fee: 20_000)])
      #expect(try await port.balance(of: "john-doe") == 100)
    }
  }

  @Test("T34: a corrected student takes the balance along", arguments: Way.allCases)
  func follows(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(
      try PayTells.approved(1, payment: 1), try PayTells.approved(2, payment: 2, fee: 500))
    try await point.tell([try .classModified(1, class: 2, student: "lee")])
    try await point.with(way) { port in
      #expect(try await port.balance(of: "john-doe") == 100)
      #expect(try await port.balance(of: "lee") == 5)
      try await point.tell([PayTells.canceled(3, payment: 2, fee: 500)])
      #expect(try await port.balance(of: "lee") == 0)
      let entries = try await port.entries(of: ClassID(2), try PageRequest())
      #expect(
        entries.items == [
          try PayTells.entry(2, .earn, 5, payment: 2, through: way),
          try PayTells.entry(3, .reverse, -5, payment: 2, through: way),
        ])
    }
  }

  @Test("a name is the same name however its syllables are written", arguments: Way.allCases)
  func normalizes(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1, student: "\u{AC15}"))
    try await point.with(way) { port in
      let balance = try await port.balance(of: "\u{1100}\u{1161}\u{11BC}")
      #expect(balance == 100)
    }
  }

  @Test("T39: the ledger says what became of a class, page by page", arguments: Way.allCases)
  func entries(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1, payment: 1))
    try await point.earn(try PayTells.approved(2, payment: 2))
    try await point.tell([PayTells.canceled(3, payment: 1)])
    try await point.with(way) { port in
      let earned = try PayTells.entry(1, .earn, 100, through: way)
      let reversed = try PayTells.entry(3, .reverse, -100, through: way)
      let all = try await port.entries(of: ClassID(1), try PageRequest())
      #expect(all.items == [earned, reversed])
      #expect(all.totalElements == 2)
      let second = try await port.entries(of: ClassID(1), try PageRequest(number: 1, size: 1))
      #expect(second.items == [reversed])
      #expect(second.totalElements == 2)
      for field in ["sequence", "points", "kind"] {
        let sorted = try await port.entries(
          of: ClassID(1), try PageRequest(sort: [SortKey(field: field, descending: true)]))
        let expected = field == "points" ? [earned, reversed] : [reversed, earned]
        #expect(sorted.items == expected, "sorted by \(field)")
      }
      #expect(try await port.entries(of: ClassID(9), try PageRequest()).items.isEmpty)
    }
  }

  @Test("R13: points without a gift are in no ledger and no balance", arguments: Way.allCases)
  func pending(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.tell([try PayTells.approved(1)])
    try await point.with(way) { port in
      #expect(try await port.balance(of: "john-doe") == 0)
      #expect(try await port.entries(of: ClassID(1), try PageRequest()).totalElements == 0)
      try await point.tell([PayTells.canceled(2)])
      _ = try await point.settle()
      #expect(try await port.balance(of: "john-doe") == 0)
      #expect(try await port.entries(of: ClassID(1), try PageRequest()).totalElements == 0)
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let point = try PointHarness()
    try await point.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "student")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.entries(of: ClassID(1), request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
