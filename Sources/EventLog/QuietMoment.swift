/// Lets the readers of a feed wait while callers wait for answers: what follows from an enrollment
/// can be done a moment later, and costs as much processor time and disk as the enrollment.
package struct QuietMoment: Sendable {
  /// A moment is quiet when no call was being answered at so many looks in a row, so far apart.
  /// Calls come and go together, and so one look says little.
  package static let looks = 4
  package static let lookInterval = Duration.milliseconds(20)

  private let isBusy: @Sendable () -> Bool
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void

  /// - Parameter isBusy: whether a call is being answered now.
  package init(
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    isBusy: @escaping @Sendable () -> Bool
  ) {
    self.isBusy = isBusy
    self.now = now
    self.sleep = sleep
  }

  /// Returns in the next quiet moment, or when the time is up.
  ///
  /// - Returns: how long that was.
  /// - Throws: `CancellationError`.
  package func wait(atMost longest: Duration) async throws -> Duration {
    let start = self.now()
    var quiet = 0
    while true {
      let waited = self.now() - start
      quiet = self.isBusy() ? 0 : quiet + 1
      guard quiet < Self.looks, waited < longest else { return waited }
      try await self.sleep(min(Self.lookInterval, longest - waited))
    }
  }
}
