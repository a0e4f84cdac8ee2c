import Kernel

/// One line of the ledger of gifts. Lines are added and never changed: gifts are taken back by a
/// line of their own, and a balance is the sum of lines (traps T39, T41).
///
/// A payment has at most one line of each kind, a ``Kind/revoke`` only after its ``Kind/grant``.
/// Who the gifts belong to stands with the gifts and not here, so a corrected student takes the
/// balance along (trap T34).
package struct GiftEntry: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case grant = "GRANT"
    /// Granted gifts were taken back, all of them.
    case revoke = "REVOKE"
  }

  package let giftID: GiftID
  package let paymentID: PaymentID
  package let classID: ClassID
  package let kind: Kind
  /// Signed: how many were granted, or exactly the negative; never 0.
  package let gifts: Int32

  /// - Returns: nil when the sign of `gifts` is not that of `kind`.
  package init?(
    giftID: GiftID, paymentID: PaymentID, classID: ClassID, kind: Kind, gifts: Int32
  ) {
    switch kind {
    case .grant: guard gifts > 0 else { return nil }
    // What has no negative was never granted.
    case .revoke: guard gifts > .min, gifts < 0 else { return nil }
    }
    self.giftID = giftID
    self.paymentID = paymentID
    self.classID = classID
    self.kind = kind
    self.gifts = gifts
  }

  private init(_ kind: Kind, _ gift: Gift, _ gifts: Int32) {
    self.giftID = gift.id
    self.paymentID = gift.paymentID
    self.classID = gift.classID
    self.kind = kind
    self.gifts = gifts
  }

  /// The line of gifts that are granted.
  package static func grant(_ gift: Gift) -> GiftEntry {
    GiftEntry(.grant, gift, GiftTier.giftstock(for: gift.fee))
  }

  /// The line of granted gifts that are taken back.
  package static func revoke(_ gift: Gift) -> GiftEntry {
    GiftEntry(.revoke, gift, -GiftTier.giftstock(for: gift.fee))
  }
}

/// An entry as it stands in the ledger.
package struct PostedGiftEntry: Hashable, Sendable {
  /// From 1: the place in the ledger.
  package let sequence: Int64
  package let entry: GiftEntry
  /// When it was written.
  package let at: Timestamp

  package init(sequence: Int64, entry: GiftEntry, at: Timestamp) {
    self.sequence = sequence
    self.entry = entry
    self.at = at
  }
}
