package import NIOCore

/// The time of a client and of its resolver, so that a test can move it.
package struct ClientClock: Sendable {
  package let now: @Sendable () -> NIODeadline
  /// Throws `CancellationError` when the task is cancelled.
  package let sleep: @Sendable (TimeAmount) async throws -> Void

  package init(
    now: @escaping @Sendable () -> NIODeadline,
    sleep: @escaping @Sendable (TimeAmount) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  package static let system = ClientClock(
    now: { NIODeadline.now() },
    sleep: { try await Task.sleep(for: .nanoseconds($0.nanoseconds)) })
}
