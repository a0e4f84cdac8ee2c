import Kernel

/// Where gifts are kept. Reads see what was committed.
package protocol GiftStore: Sendable {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any GiftTransaction) throws -> Answer
  ) async throws -> Answer

  func gift(_ id: GiftID) async throws -> Gift?

  func gifts(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Gift>

  func gift(of classID: ClassID) async throws -> Gift?

  /// The sum of the entries for the student's payments. What it costs depends on how many payments
  /// the student has, not on how many there are.
  func balance(of student: String) async throws -> Int64

  func entries(of classID: ClassID, _ page: PageRequest) async throws -> Page<PostedGiftEntry>
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

  /// Adds a line to the ledger for gifts that were saved.
  ///
  /// - Throws: when the payment has one of this kind, and when a revocation is not the negative of
  ///   what was granted.
  func append(_ entry: GiftEntry) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: GiftEvent) throws
}

extension GiftTransaction {
  /// Keeps what happened whole: the gifts as they are now, what the ledger says, and the event.
  package func record(_ event: GiftEvent) throws {
    try self.save(event.gift)
    try self.append(event.entry)
    try self.raise(event)
  }
}
