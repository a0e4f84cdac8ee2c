import Kernel

/// Sends the alerts that wait, and drops those that are too old to be of use (trap T18).
package struct SendAlerts: Sendable {
  /// Alerts about older facts are not sent: one day, in seconds.
  package static let maxAgeSeconds: Int64 = 86_400
  /// Messages under way at the same time.
  package static let concurrentMessagesMax = 64

  private let store: any AlertStore
  private let sender: any AlertSender

  package init(store: any AlertStore, sender: any AlertSender) {
    self.store = store
    self.sender = sender
  }

  /// - Parameter count: Most alerts to send.
  /// - Returns: How many were sent or dropped, and how many could not be sent now.
  package func perform(at now: Timestamp, atMost count: Int) async throws -> Settlement {
    let oldest = now.adding(seconds: -Self.maxAgeSeconds)
    let waiting = try await self.store.newAlerts(atMost: count)
    let outcomes = await waiting.concurrentMap(atMost: Self.concurrentMessagesMax) {
      await self.settle($0, oldest: oldest)
    }
    return Settlement(of: outcomes)
  }

  /// A message that fails, and one whose success could not be kept, stays new.
  private func settle(_ alert: Alert, oldest: Timestamp) async -> Bool {
    var alert = alert
    do {
      if alert.isExpired(oldest: oldest) {
        alert.expire()
      } else {
        try await self.sender.send(alert)
        alert.markSent()
      }
      try await self.store.transact { [alert] tx in try tx.save(alert) }
      return true
    } catch {
      return false
    }
  }
}
