/// Lets the readers of a feed wait while callers wait for answers: what follows from an enrollment
/// can be done a moment later, and costs as much processor time and disk as the enrollment.
package struct QuietMoment: Sendable {
  /// A moment is quiet when no call was being answered at so many looks in a row, so far apart.
  /// Calls come and go together, and so one look says little.
  package static let looks = 4
  package static let lookInterval = Duration.milliseconds(20)

  private let longest: Duration
  private let isBusy: @Sendable () -> Bool
  private let sleep: @Sendable (Duration) async throws -> Void

  /// - Parameters:
  ///   - longest: how long a reader waits at most.
  ///   - isBusy: whether a call is being answered now.
  package init(
    atMost longest: Duration,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    isBusy: @escaping @Sendable () -> Bool
  ) {
    self.longest = longest
    self.isBusy = isBusy
    self.sleep = sleep
  }

  /// Returns in the next quiet moment, or when the time is up.
  ///
  /// - Throws: `CancellationError`.
  package func come() async throws {
    var quiet = 0
    var waited = Duration.zero
    while waited < self.longest {
      quiet = self.isBusy() ? 0 : quiet + 1
      guard quiet < Self.looks else { return }
      try await self.sleep(Self.lookInterval)
      waited += Self.lookInterval
    }
  }
}
