import NIOCore

/// What a circuit breaker has seen and decided.
public struct CircuitStatistics: Hashable, Sendable {
  public var phase = GuardedChannel.Circuit.closed
  public var mode = CircuitMode.automatic
  /// The outcomes in its window …
  public var calls = 0
  public var failures = 0
  public var slowCalls = 0
  /// … and the failures since the last success.
  public var failuresInARow = 0
  /// Until it may be probed; nil when it is not open, or an operator has opened it.
  public var openFor: Duration?
  /// How often it has opened without calls in a row that went well between.
  public var timesOpened = 0
  /// Calls that it has refused since the start.
  public var refused = 0

  public init() {}

  init(_ state: inout CircuitBreakerState, now: NIODeadline) {
    self.phase = GuardedChannel.Circuit(state.phase)
    self.mode = state.mode
    let counts = state.counts(now: now)
    self.calls = counts.calls
    self.failures = counts.failures
    self.slowCalls = counts.slow
    self.failuresInARow = state.failuresInARow
    if state.mode == .automatic, case .open(let until) = state.phase {
      self.openFor = .nanoseconds(max(0, (until - now).nanoseconds))
    }
    self.timesOpened = state.timesOpened
    self.refused = state.refusedCalls
  }
}
