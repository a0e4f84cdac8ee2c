import Kernel

/// How many gifts a fee earns.
package enum GiftTier {
  /// Nothing paid, no gift (trap T7).
  package static func giftstock(for fee: Money) -> Int32 {
    switch fee.won {
    case 0: 0
    case ...10_000: 1
    case ...20_000: 2
    case ...30_000: 3
    default: 4
    }
  }
}
