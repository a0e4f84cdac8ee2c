import Kernel

/// What callers may ask of Gift.
package protocol GiftPort: Sendable {
  /// Gives the gifts for a payment, at most once however often it is asked.
  ///
  /// - Throws: ``GiftError/nothingPaid``, ``GiftError/givenForOtherTerms(_:)``.
  func give(_ command: GiveGift, by caller: Caller) async throws -> GiftDecision

  /// - Throws: ``GiftError/notFound(_:)``.
  func gift(_ id: GiftID, by caller: Caller) async throws -> Gift

  func gifts(_ page: PageRequest, by caller: Caller) async throws -> Page<Gift>

  /// - Throws: ``GiftError/noGift(of:)``.
  func gift(of classID: ClassID, by caller: Caller) async throws -> Gift

  /// How many gifts a student has: the sum of the ledger's entries for the payments of the classes
  /// that are theirs now. 0 for whom nobody knows.
  func balance(of student: String, by caller: Caller) async throws -> Int64

  /// What the ledger says of a class, in the order it was written.
  func entries(of classID: ClassID, _ page: PageRequest, by caller: Caller) async throws -> Page<
    PostedGiftEntry
  >
}

/// Gift's answer.
package enum GiftDecision: Hashable, Sendable {
  /// Now or before.
  case given(Gift)
  /// The points were canceled, now or before the gifts could be given.
  case revoked
}
