import Kernel

/// What callers may ask of Gift.
package protocol GiftPort: Sendable {
  /// Gives the gifts for a payment, at most once however often it is asked.
  ///
  /// - Throws: ``GiftError/nothingPaid``, ``GiftError/givenForOtherTerms(_:)``.
  func give(_ command: GiveGift, because cause: Cause) async throws -> GiftDecision

  /// - Throws: ``GiftError/notFound(_:)``.
  func gift(_ id: GiftID) async throws -> Gift

  func gifts(_ page: PageRequest) async throws -> Page<Gift>

  /// - Throws: ``GiftError/noGift(of:)``.
  func gift(of classID: ClassID) async throws -> Gift
}

/// Gift's answer.
package enum GiftDecision: Hashable, Sendable {
  /// Now or before.
  case given(Gift)
  /// The points were canceled, now or before the gifts could be given.
  case revoked
}
