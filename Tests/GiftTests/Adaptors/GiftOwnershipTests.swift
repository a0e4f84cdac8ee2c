import AdaptorTestSupport
import GiftCore
import Kernel
import Testing

@Suite("T22: whose gifts Gift's port shows")
struct GiftOwnershipTests {
  @Test("a student sees their own alone, an operator all", arguments: Way.allCases)
  func reads(_ way: Way) async throws {
    let gift = try GiftHarness()
    for (number, caller) in [Caller.studentA, .studentB].enumerated() {
      let command = try GiftHarness.command(payment: Int64(number + 1), student: caller.name)
      _ = try await gift.application.give(command, because: Cause(id: "request-1"))
    }
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await gift.with(way) { (port: any GiftPort) async throws -> Void in
        #expect(try await port.gift(GiftID(1), by: .studentA).student == "student-a")
        #expect(await problem { try await port.gift(GiftID(1), by: .studentB) }?.kind == .notFound)
        let hidden = await problem { try await port.gift(of: ClassID(1), by: .studentB) }
        #expect(hidden?.kind == .notFound)
        let own = try await port.gifts(page, by: .studentB)
        #expect(own.items.map(\.classID) == [ClassID(2)])
        #expect(own.totalElements == 1)
        #expect(try await port.gifts(page, by: .admin).totalElements == 2)
        #expect(try await port.balance(of: "student-a", by: .studentA) == 1)
        let balance = await problem { try await port.balance(of: "student-a", by: .studentB) }
        #expect(balance?.code == "not-owner")
        #expect(try await port.entries(of: ClassID(1), page, by: .studentA).totalElements == 1)
        #expect(try await port.entries(of: ClassID(1), page, by: .studentB).totalElements == 0)
      }
    }
  }

  @Test("T25: nobody gives gifts in person", arguments: [Way.application, .rpc])
  func commands(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { (port: any GiftPort) async throws -> Void in
      let command = try GiftHarness.command(student: Caller.studentA.name)
      for caller in [Caller.studentA, .admin] {
        let refused = await problem { try await port.give(command, by: caller) }
        #expect(refused?.code == "internal-only")
      }
    }
  }
}
