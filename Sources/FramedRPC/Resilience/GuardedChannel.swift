public import NIOCore
import Synchronization

/// A channel that gives up early: a deadline for each call, a bulkhead around all of them, and a
/// circuit breaker that fails fast while the server does not answer.
public final class GuardedChannel: RPCChannel, Sendable {
  /// What a dashboard shows of a circuit.
  public enum Circuit: String, Sendable {
    case closed
    case open
    case halfOpen = "half-open"
  }

  private let channel: any RPCChannel
  private let bulkhead: Bulkhead
  private let breaker: Mutex<CircuitBreakerState>
  private let now: @Sendable () -> NIODeadline

  /// - Parameter now: the clock, so that a test can move it.
  public init(
    _ channel: any RPCChannel, breaker: CircuitBreakerPolicy = CircuitBreakerPolicy(),
    bulkhead: BulkheadPolicy = BulkheadPolicy(),
    now: @escaping @Sendable () -> NIODeadline = { NIODeadline.now() }
  ) {
    self.channel = channel
    self.bulkhead = Bulkhead(policy: bulkhead)
    self.breaker = Mutex(CircuitBreakerState(policy: breaker))
    self.now = now
  }

  public var decodeLimits: DecodeLimits { self.channel.decodeLimits }

  public var circuit: Circuit {
    switch self.breaker.withLock({ $0.phase }) {
    case .closed: .closed
    case .open: .open
    case .halfOpen: .halfOpen
    }
  }

  public func call(_ call: RPCCall) async throws -> ByteBuffer {
    let start = self.now()
    let ticket: CircuitBreakerState.Ticket
    switch self.breaker.withLock({ $0.admit(now: start) }) {
    case .allowed(let admitted): ticket = admitted
    case .refused(let retryAfter):
      throw RPCError(
        .unavailable, "the circuit is open for another \(retryAfter.nanoseconds / 1_000_000) ms",
        reason: "circuit-open", notProcessed: true)
    }
    var outcome = CircuitBreakerState.Outcome.ignored
    defer {
      let end = self.now()
      self.breaker.withLock {
        $0.record(outcome, took: end - start, ticket: ticket, now: end)
      }
    }
    do {
      let answer = try await self.bulkhead.run { try await self.channel.call(call) }
      outcome = .success
      return answer
    } catch {
      outcome = Self.outcome(of: error)
      throw error
    }
  }

  /// An answer that says no is an answer; only silence and breakage are failures.
  private static func outcome(of error: any Error) -> CircuitBreakerState.Outcome {
    guard let error = error as? RPCError else { return .failure }
    // Our own lack of room says nothing about the server.
    if error.reason == Bulkhead.fullReason { return .ignored }
    switch error.status {
    case .cancelled: return .ignored
    case .unavailable, .deadlineExceeded, .resourceExhausted, .internal, .unknown, .dataLoss:
      return .failure
    default: return .success
    }
  }
}
