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

  /// Alerts that fail stay new, and so do those whose success could not be kept: a message may come
  /// twice, never not at all.
  ///
  /// - Parameter count: Most alerts to send.
  /// - Returns: How many were sent or dropped, and how many could not be sent now.
  package func perform(at now: Timestamp, atMost count: Int) async throws -> Settlement {
    let oldest = now.adding(seconds: -Self.maxAgeSeconds)
    let waiting = try await self.store.newAlerts(atMost: count)
    let settled = await waiting.concurrentMap(atMost: Self.concurrentMessagesMax) {
      await self.settled($0, oldest: oldest)
    }.compactMap(\.self)
    if !settled.isEmpty {
      CrashPoint.reached(.alertSent)
      // One unit of work: a commit for each would cost more than the sending.
      // Also when the service is told to stop meanwhile: what was sent must not be sent again.
      let store = self.store
      try await uncanceled {
        try await store.transact { tx in
          for alert in settled { try tx.save(alert) }
        }
      }
      CrashPoint.reached(.alertNoted)
    }
    return Settlement(settled: settled.count, remaining: waiting.count - settled.count)
  }

  /// nil when the message could not be sent.
  private func settled(_ alert: Alert, oldest: Timestamp) async -> Alert? {
    var alert = alert
    if alert.isExpired(oldest: oldest) {
      alert.expire()
      return alert
    }
    guard !Task.isCancelled else { return nil }
    do {
      try await self.sender.send(alert)
    } catch {
      return nil
    }
    alert.markSent()
    return alert
  }
}
