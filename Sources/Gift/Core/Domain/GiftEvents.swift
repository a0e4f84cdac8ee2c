/// What can happen in Gift.
package enum GiftEvent: Hashable, Sendable {
  case giftRegistered(GiftRegistered)
  case giftCanceled(GiftCanceled)

  /// As it was at that moment.
  package var gift: Gift {
    switch self {
    case .giftRegistered(let event): event.gift
    case .giftCanceled(let event): event.gift
    }
  }

  /// What the ledger says of it.
  package var entry: GiftEntry {
    switch self {
    case .giftRegistered(let event): .grant(event.gift)
    case .giftCanceled(let event): .revoke(event.gift)
    }
  }
}

/// A student has gifts.
package struct GiftRegistered: Hashable, Sendable {
  /// As it was at that moment.
  package let gift: Gift

  package init(gift: Gift) {
    self.gift = gift
  }
}

/// A student's gifts are taken back.
package struct GiftCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let gift: Gift

  package init(gift: Gift) {
    self.gift = gift
  }
}
