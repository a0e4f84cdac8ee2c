/// What can happen in Gift.
package enum GiftEvent: Hashable, Sendable {
  case giftRegistered(GiftRegistered)
  case giftCanceled(GiftCanceled)
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
