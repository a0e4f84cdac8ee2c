import Kernel

/// Where gifts are kept. Reads see what was committed.
package protocol GiftStore: Sendable {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any GiftTransaction) throws -> Answer
  ) async throws -> Answer

  func gift(_ id: GiftID) async throws -> Gift?

  func gifts(_ page: PageRequest) async throws -> Page<Gift>

  func gift(of classID: ClassID) async throws -> Gift?
}

/// One unit of work on Gift's store, valid only inside the closure it was given to.
package protocol GiftTransaction: StudentMemory {
  /// An id that no gift has had.
  func nextGiftID() throws -> GiftID

  func gift(of paymentID: PaymentID) throws -> Gift?

  func gifts(of classID: ClassID) throws -> [Gift]

  /// Inserts the gift, or replaces the one with its id.
  func save(_ gift: Gift) throws

  /// Whether ``rememberRevoked(_:)`` was called for the payment.
  func isRevoked(_ paymentID: PaymentID) throws -> Bool

  /// Keeps in mind that no gift is due for the payment; a repeat changes nothing.
  func rememberRevoked(_ paymentID: PaymentID) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: GiftEvent) throws
}
