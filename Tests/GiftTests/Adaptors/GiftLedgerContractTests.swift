import AdaptorTestSupport
import GiftCore
import Kernel
import Testing

@Suite("The contract of Gift's port: balances and the ledger")
struct GiftLedgerContractTests {
  private let cause = Cause(id: "settle-point-1")

  private func give(_ commands: GiveGift..., by port: any GiftPort) async throws {
    for command in commands { _ = try await port.give(command, because: self.cause) }
  }

  @Test("T39, T41: a balance is what was granted and not taken back", arguments: Way.allCases)
  func balances(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      try await self.give(
        GiftHarness.command(payment: 1), GiftHarness.command(payment: 2, fee: 30_000),
        GiftHarness.command(payment: 3, fee: 30_001, student: "lee"), by: port)
      #expect(try await port.balance(of: "john-doe") == 4)
      #expect(try await port.balance(of: "lee") == 4)
      #expect(try await port.balance(of: "nobody & co") == 0)
      try await gift.tell([try GiftHarness.pointCanceled(1, payment: 2)])
      #expect(try await port.balance(of: "john-doe") == 1)
    }
  }

  @Test("T34: a corrected student takes the balance along", arguments: Way.allCases)
  func follows(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      try await self.give(
        GiftHarness.command(payment: 1), GiftHarness.command(payment: 2, fee: 20_000), by: port)
      try await gift.tell([try .classModified(1, class: 2, student: "lee")])
      #expect(try await port.balance(of: "john-doe") == 1)
      #expect(try await port.balance(of: "lee") == 2)
      try await gift.tell([try GiftHarness.pointCanceled(1, payment: 2)])
      #expect(try await port.balance(of: "lee") == 0)
      let entries = try await port.entries(of: ClassID(2), try PageRequest())
      #expect(
        entries.items == [
          try GiftHarness.entry(2, .grant, 2, gift: 2, payment: 2, through: way),
          try GiftHarness.entry(3, .revoke, -2, gift: 2, payment: 2, through: way),
        ])
    }
  }

  @Test("a name is the same name however its syllables are written", arguments: Way.allCases)
  func normalizes(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      try await self.give(GiftHarness.command(student: "\u{AC15}"), by: port)
      #expect(try await port.balance(of: "\u{1100}\u{1161}\u{11BC}") == 1)
    }
  }

  @Test("T39: the ledger says what became of a class, page by page", arguments: Way.allCases)
  func entries(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      try await self.give(
        GiftHarness.command(payment: 1), GiftHarness.command(payment: 2), by: port)
      try await gift.tell([try GiftHarness.pointCanceled(1, payment: 1)])
      let granted = try GiftHarness.entry(1, .grant, 1, through: way)
      let revoked = try GiftHarness.entry(3, .revoke, -1, through: way)
      let all = try await port.entries(of: ClassID(1), try PageRequest())
      #expect(all.items == [granted, revoked])
      #expect(all.totalElements == 2)
      let second = try await port.entries(of: ClassID(1), try PageRequest(number: 1, size: 1))
      #expect(second.items == [revoked])
      #expect(second.totalElements == 2)
      for field in ["sequence", "gifts", "kind"] {
        let sorted = try await port.entries(
          of: ClassID(1), try PageRequest(sort: [SortKey(field: field, descending: true)]))
        let expected = field == "gifts" ? [granted, revoked] : [revoked, granted]
        #expect(sorted.items == expected, "sorted by \(field)")
      }
      #expect(try await port.entries(of: ClassID(9), try PageRequest()).items.isEmpty)
    }
  }

  @Test("T11: a gift taken back before it was given is in no ledger", arguments: Way.allCases)
  func neverGiven(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.tell([try GiftHarness.pointCanceled(1)])
    try await gift.with(way) { port in
      try await self.give(GiftHarness.command(), by: port)
      #expect(try await port.balance(of: "john-doe") == 0)
      #expect(try await port.entries(of: ClassID(1), try PageRequest()).totalElements == 0)
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "student")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.entries(of: ClassID(1), request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
