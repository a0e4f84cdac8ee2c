import AdaptorTestSupport
import GiftCore
import Kernel
import Testing

@Suite("The contract of Gift's port")
struct GiftContractTests {
  private let cause = Cause(id: "settle-point-1")

  @Test(
    "T42: a gift is given once a payment, and found by id, by class and in the list",
    arguments: Way.allCases)
  func gives(_ way: Way) async throws {
    let cause = self.cause
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let command = try GiftHarness.command()
      let answer = GiftDecision.given(try GiftHarness.gift())
      #expect(try await port.give(command, because: cause) == answer)
      #expect(try await port.give(command, because: cause) == answer)
      let given = try GiftHarness.gift(through: way)
      #expect(given.giftstock == 1)
      #expect(try await port.gift(GiftID(1)) == given)
      #expect(try await port.gift(of: ClassID(1)) == given)
      let page = try await port.gifts(try PageRequest())
      #expect(page.items == [given])
      #expect(page.totalElements == 1)
    }
    #expect(try await gift.harness.eventTypes() == ["GiftRegistered"])
  }

  @Test("a higher fee earns more gifts", arguments: Way.allCases)
  func tiers(_ way: Way) async throws {
    let cause = self.cause
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let fees: [Int64] = [1, 10_000, 10_001, 20_000, 20_001, 30_000, 30_001]
      for (number, fee) in fees.enumerated() {
        let command = try GiftHarness.command(payment: Int64(number + 1), fee: fee)
        _ = try await port.give(command, because: cause)
      }
      let gifts = try await port.gifts(try PageRequest()).items
      #expect(gifts.map(\.giftstock) == [1, 1, 2, 2, 3, 3, 4])
    }
  }

  @Test(
    "T41, W15: a gift taken back stays in the list, counts nothing, and is not given again",
    arguments: Way.allCases)
  func revokes(_ way: Way) async throws {
    let cause = self.cause
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let command = try GiftHarness.command()
      _ = try await port.give(command, because: cause)
      try await gift.tell([try GiftHarness.pointCanceled(1)])
      let revoked = try GiftHarness.gift(is: .revoked, through: way)
      #expect(revoked.giftstock == 0)
      #expect(try await port.gift(GiftID(1)) == revoked)
      #expect(try await port.gift(of: ClassID(1)) == revoked)
      #expect(try await port.gifts(try PageRequest()).items == [revoked])
      #expect(try await port.give(command, because: cause) == .revoked)
    }
    #expect(try await gift.harness.eventTypes() == ["GiftRegistered", "GiftCanceled"])
  }

  @Test("T7: nothing paid, no gift", arguments: Way.allCases)
  func refusesFree(_ way: Way) async throws {
    let cause = self.cause
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let command = try GiftHarness.command(fee: 0)
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.give(command, because: cause)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["fee"])
      #expect(try await port.gifts(try PageRequest()).totalElements == 0)
    }
  }

  @Test(
    "an unknown gift, and the gift of an unknown class, are not-founds", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let byID = await #expect(throws: (any Error).self) {
        _ = try await port.gift(GiftID(99))
      }
      #expect((byID as? any DomainError)?.problem.kind == .notFound)
      let byClass = await #expect(throws: (any Error).self) {
        _ = try await port.gift(of: ClassID(99))
      }
      #expect((byClass as? any DomainError)?.problem.code == "not-found")
    }
  }

  @Test("lists are paged and sorted, by each field", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let cause = self.cause
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      for number in Int64(1)...4 {
        let command = try GiftHarness.command(
          payment: number, fee: number * 10_000, student: "student-\(number)")
        _ = try await port.give(command, because: cause)
      }
      for field in ["id", "classId", "fee", "student", "giftstock"] {
        let request = try PageRequest(
          number: 1, size: 3, sort: [SortKey(field: field, descending: true)])
        let page = try await port.gifts(request)
        #expect(page.items.map(\.giftstock) == [1], "sorted by \(field)")
        #expect(page.totalElements == 4)
        #expect(page.totalPages == 2)
      }
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let gift = try GiftHarness()
    try await gift.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "status")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.gifts(request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
