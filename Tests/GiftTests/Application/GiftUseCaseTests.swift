import GiftCore
import Kernel
import Testing

@Suite("Giving and taking back gifts")
struct GiftUseCaseTests {
  private let store = InMemoryGiftStore()
  private let cause = Cause(id: "settle-point-1")

  private var gifts: GiftApplication { GiftApplication(store: self.store) }

  @Test("gives what the fee earns and says so in one event")
  func gives() async throws {
    let gift = try await self.given(try Self.command(fee: 20_001))

    #expect(gift.giftstock == 3)
    #expect(self.store.events == [.giftRegistered(GiftRegistered(gift: gift))])
    #expect(try await self.gifts.gift(gift.id) == gift)
    #expect(try await self.gifts.gift(of: ClassID(7)) == gift)
    #expect(try await self.gifts.gifts(try PageRequest()).items == [gift])
  }

  @Test("T42: asked again for the same payment, gives nothing more")
  func givesOnce() async throws {
    let first = try await self.given(try Self.command())
    let again = try await self.given(try Self.command())

    #expect(again == first)
    #expect(self.store.events.count == 1)
  }

  @Test("asked for the same payment on other terms, gives nothing")
  func otherTerms() async throws {
    _ = try await self.given(try Self.command())
    let other = try Self.command(fee: 30_001)

    await #expect(throws: GiftError.self) {
      try await self.gifts.give(other, because: self.cause)
    }
    #expect(self.store.events.count == 1)
  }

  @Test("R11, T41: canceled points take the gift back, once")
  func revokes() async throws {
    _ = try await self.given(try Self.command())

    try await self.cancel()
    try await self.cancel()

    let gift = try await self.gifts.gift(of: ClassID(7))
    #expect(gift.status == .revoked)
    #expect(gift.giftstock == 0)
    #expect(self.store.events.dropFirst() == [.giftCanceled(GiftCanceled(gift: gift))])
    #expect(self.store.ledger.map(\.entry) == [.grant(gift), .revoke(gift)])
    #expect(try await self.gifts.give(try Self.command(), because: self.cause) == .revoked)
  }

  @Test("T11: when the cancellation overtakes the gift, none is given")
  func revokesFirst() async throws {
    try await self.cancel()
    try await self.cancel()

    #expect(try await self.gifts.give(try Self.command(), because: self.cause) == .revoked)
    #expect(self.store.events.isEmpty)
    #expect(self.store.ledger.isEmpty)
    await #expect(throws: GiftError.noGift(of: ClassID(7))) {
      try await self.gifts.gift(of: ClassID(7))
    }
  }

  @Test("T7: nothing paid is refused")
  func free() async throws {
    let command = try Self.command(fee: 0)

    await #expect(throws: GiftError.nothingPaid) {
      try await self.gifts.give(command, because: self.cause)
    }
  }

  @Test("an unknown gift is not found")
  func notFound() async throws {
    let error = await #expect(throws: GiftError.self) { try await self.gifts.gift(GiftID(9)) }
    #expect(error?.problem.code == "not-found")
  }

  private struct NotGiven: Error {}

  private func given(_ command: GiveGift) async throws -> Gift {
    guard case .given(let gift) = try await self.gifts.give(command, because: self.cause) else {
      throw NotGiven()
    }
    return gift
  }

  private func cancel() async throws {
    try await self.store.transact(because: Cause(id: "point-1-2")) { tx in
      try CancelGift(of: PaymentID(5), classID: ClassID(7), student: "john-doe").perform(in: tx)
    }
  }

  private static func command(fee: Int64 = 10_000) throws -> GiveGift {
    GiveGift(
      paymentID: PaymentID(5), classID: ClassID(7), fee: try Money(won: fee),
      student: "john-doe")
  }
}
