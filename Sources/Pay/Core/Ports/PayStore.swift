import Kernel

/// Where payments are kept. Reads see what was committed.
package protocol PayStore: Sendable {
  /// Runs `work` all or not at all. What it saved and raised is durable on return.
  func transact<Answer: Sendable>(
    because cause: Cause, _ work: @escaping @Sendable (any PayTransaction) throws -> Answer
  ) async throws -> Answer

  func payment(_ id: PaymentID) async throws -> Payment?

  func payments(
    _ page: PageRequest, ofStudent student: String?
  ) async throws -> Page<Payment>

  func payments(of classID: ClassID) async throws -> [Payment]

  /// As ``PayAuditPort/payments(afterClass:throughClass:atMost:)``.
  func payments(
    afterClass first: ClassID, throughClass last: ClassID?, atMost count: Int
  ) async throws -> [Payment]
}

/// One unit of work on Pay's store, valid only inside the closure it was given to.
package protocol PayTransaction: StudentMemory {
  /// An id that no payment has had.
  func nextPaymentID() throws -> PaymentID

  func payment(of classID: ClassID) throws -> Payment?

  /// Inserts the payment, or replaces the one with its id.
  func save(_ payment: Payment) throws

  /// Whether ``rememberCanceled(_:)`` was called for the class.
  func isCanceled(_ classID: ClassID) throws -> Bool

  /// Keeps in mind that the class was canceled; a repeat changes nothing.
  func rememberCanceled(_ classID: ClassID) throws

  /// Publishes `event` if, and only if, this unit of work commits (trap T3).
  func raise(_ event: PayEvent) throws
}
