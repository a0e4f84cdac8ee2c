import Kernel

/// Where alerts are kept. Reads see what was committed.
package protocol AlertStore: Sendable {
  /// Runs `work` all or not at all. What it saved is durable on return.
  func transact<Answer: Sendable>(
    _ work: @escaping @Sendable (any AlertTransaction) throws -> Answer
  ) async throws -> Answer

  func alert(_ id: AlertID) async throws -> Alert?

  func alerts(_ page: PageRequest) async throws -> Page<Alert>

  func alerts(of recipient: String, _ page: PageRequest) async throws -> Page<Alert>

  /// Those waiting to be sent, the oldest first.
  func newAlerts(atMost count: Int) async throws -> [Alert]
}

/// One unit of work on Alert's store, valid only inside the closure it was given to.
package protocol AlertTransaction {
  /// An id that no alert has had.
  func nextAlertID() throws -> AlertID

  func alert(_ key: AlertKey) throws -> Alert?

  /// Inserts the alert, or replaces the one with its id.
  func save(_ alert: Alert) throws
}
