import Kernel

/// Where waiting tickets are kept, beside the enrollments.
package protocol WaitingRoomStore: Sendable {
  /// The tickets that are good, and the highest sequence that any ticket had, or 0.
  func goodTickets() async throws -> (tickets: [WaitingTicket], lastSequence: Int64)

  /// Durable on return. A ticket only ever goes on: what is older than the stored state changes
  /// nothing, so that the order of two calls does not matter. A good ticket ends the student's
  /// earlier ones.
  func save(_ tickets: [WaitingTicket], because cause: Cause) async throws

  /// Whatever its state.
  func ticket(_ token: WaitingToken) async throws -> WaitingTicket?

  /// Forgets tickets that ended before `limit`, at most `count`.
  ///
  /// - Returns: How many were forgotten.
  func forgetTickets(endedBefore limit: Timestamp, atMost count: Int) async throws -> Int

  /// Runs `look` on what is committed, without waiting for the disk; it must not write.
  func look<Answer: Sendable>(
    because cause: Cause, _ look: @escaping @Sendable (any EnrollmentTransaction) throws -> Answer
  ) async throws -> Answer
}
