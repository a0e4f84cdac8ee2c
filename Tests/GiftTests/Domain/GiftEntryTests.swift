import GiftCore
import Kernel
import Testing

@Suite("Entries of the ledger of gifts")
struct GiftEntryTests {
  @Test(
    "T39, T41: a revocation is exactly the negative of what was granted",
    arguments: [(1, 1), (10_000, 1), (10_001, 2), (20_001, 3), (30_001, 4), (1_000_000_000, 4)])
  func revokes(won: Int64, gifts: Int32) throws {
    var gift = Gift(
      id: GiftID(1), paymentID: PaymentID(5), classID: ClassID(7), fee: try Money(won: won),
      student: "john-doe", status: .granted)
    let granted = GiftEvent.giftRegistered(GiftRegistered(gift: gift)).entry
    let outcome = gift.revoke()
    let revoked = GiftEvent.giftCanceled(try #require(outcome)).entry

    #expect(granted.kind == .grant)
    #expect(granted.gifts == gifts)
    #expect(revoked.kind == .revoke)
    #expect(revoked.gifts == -gifts)
    #expect(granted.gifts + revoked.gifts == gift.giftstock)
  }

  @Test(
    "have the sign of their kind, and a number that has a negative",
    arguments: [
      (GiftEntry.Kind.grant, 1, true), (.grant, .max, true), (.grant, 0, false),
      (.grant, -1, false), (.revoke, -1, true), (.revoke, -.max, true), (.revoke, 0, false),
      (.revoke, 1, false), (.revoke, .min, false),
    ] as [(GiftEntry.Kind, Int32, Bool)])
  func signs(kind: GiftEntry.Kind, gifts: Int32, isEntry: Bool) {
    let entry = GiftEntry(
      giftID: GiftID(1), paymentID: PaymentID(5), classID: ClassID(7), kind: kind, gifts: gifts)
    #expect((entry != nil) == isEntry)
  }
}
