import GiftCore
import Kernel
import Testing

@Suite("Gift tiers")
struct GiftTierTests {
  @Test(
    "go by the fee",
    arguments: [
      (1, 1), (10_000, 1), (10_001, 2), (20_000, 2), (20_001, 3), (30_000, 3), (30_001, 4),
      (1_000_000_000, 4),
    ])
  func tiers(won: Int64, giftstock: Int32) throws {
    #expect(GiftTier.giftstock(for: try Money(won: won)) == giftstock)
  }

  @Test("T7: nothing paid earns no gift")
  func free() {
    #expect(GiftTier.giftstock(for: .zero) == 0)
  }
}
