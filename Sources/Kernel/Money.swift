/// An amount of money in whole won, never negative.
///
/// The only way to make one checks the range, so that no core has to check it again (trap T7).
package struct Money: Hashable, Comparable, Sendable {
  /// The largest amount this system accepts, in won: one billion.
  package static let maxWon: Int64 = 1_000_000_000
  package static let zero = Money(unchecked: 0)

  /// Whole won, `0...Money.maxWon`.
  package let won: Int64

  private init(unchecked won: Int64) {
    self.won = won
  }

  /// - Throws: ``MoneyError`` when `won` is negative or above ``maxWon``.
  package init(won: Int64) throws(MoneyError) {
    guard won >= 0 else { throw .negative(won) }
    guard won <= Money.maxWon else { throw .tooLarge(won) }
    self.won = won
  }

  package var isFree: Bool { self.won == 0 }

  package static func < (left: Money, right: Money) -> Bool { left.won < right.won }
}

/// Why an integer is not an amount of money.
package enum MoneyError: Error, Hashable, Sendable {
  case negative(Int64)
  case tooLarge(Int64)

  /// A sentence for the person who sent the amount.
  package var reason: String {
    switch self {
    case .negative(let won): "must not be negative, got \(won)"
    case .tooLarge(let won): "must be at most \(Money.maxWon) won, got \(won)"
    }
  }
}
