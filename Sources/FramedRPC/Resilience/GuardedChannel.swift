public import NIOCore
import Synchronization

/// A channel that gives up early: a bulkhead around all calls, a circuit breaker that fails fast
/// while the server does not answer, and a deadline that counts from the moment a call is made,
/// waiting for a place included.
///
/// The breaker sees only what the server did: not the time a call waited for a place, nor calls
/// that were refused on this side.
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
  private let isFailure: @Sendable (RPCError) -> Bool
  private let now: @Sendable () -> NIODeadline

  /// - Parameters:
  ///   - isFailure: whether an error speaks against the server. Not asked when the caller left, nor
  ///     about RESOURCE_EXHAUSTED that had no effect: those say nothing about the server.
  ///   - now: the clock, so that a test can move it.
  public convenience init(
    _ channel: any RPCChannel, breaker: CircuitBreakerPolicy = CircuitBreakerPolicy(),
    bulkhead: BulkheadPolicy = BulkheadPolicy(),
    isFailure: @escaping @Sendable (RPCError) -> Bool = GuardedChannel.isFailure,
    now: @escaping @Sendable () -> NIODeadline = { NIODeadline.now() }
  ) {
    self.init(
      channel, breaker: breaker, bulkhead: bulkhead, isFailure: isFailure, now: now,
      timer: Bulkhead.sleepingTimer)
  }

  /// - Parameter timer: ends the waiting of calls that wait for a place for too long; goes by the
  ///   same clock as `now`.
  package init(
    _ channel: any RPCChannel, breaker: CircuitBreakerPolicy, bulkhead: BulkheadPolicy,
    isFailure: @escaping @Sendable (RPCError) -> Bool = GuardedChannel.isFailure,
    now: @escaping @Sendable () -> NIODeadline, timer: @escaping GuardTimer
  ) {
    self.channel = channel
    self.bulkhead = Bulkhead(policy: bulkhead, now: now, timer: timer)
    self.breaker = Mutex(CircuitBreakerState(policy: breaker))
    self.isFailure = isFailure
    self.now = now
  }

  /// Whether an error is silence or breakage, rather than an answer that says no.
  ///
  /// UNAVAILABLE and RESOURCE_EXHAUSTED with a reason are answers: the service itself explained
  /// what it lacks. Without one the runtime said so: connection lost, server shutting down. A
  /// circuit or a bulkhead behind this channel is no answer either. DEADLINE_EXCEEDED, INTERNAL,
  /// UNKNOWN and DATA_LOSS are always failures.
  public static func isFailure(_ error: RPCError) -> Bool {
    switch error.status {
    case .deadlineExceeded, .internal, .unknown, .dataLoss: true
    case .unavailable, .resourceExhausted:
      switch error.reason {
      case nil, Self.openReason, Bulkhead.fullReason: true
      default: false
      }
    default: false
    }
  }

  public var decodeLimits: DecodeLimits { self.channel.decodeLimits }

  public var circuit: Circuit { self.breaker.withLock { Circuit($0.phase) } }

  /// What the breaker has seen and decided.
  public var circuitStatistics: CircuitStatistics {
    let now = self.now()
    return self.breaker.withLock { CircuitStatistics(&$0, now: now) }
  }

  /// Who decides: the breaker, or an operator. Set, all begins anew: see ``CircuitMode``.
  public var circuitMode: CircuitMode {
    get { self.breaker.withLock { $0.mode } }
    set { self.breaker.withLock { $0.setMode(newValue) } }
  }

  public var bulkheadStatistics: BulkheadStatistics { self.bulkhead.statistics }

  /// The bulkhead's limits; others hold from the moment they are set.
  public var bulkheadPolicy: BulkheadPolicy {
    get { self.bulkhead.policy }
    set { self.bulkhead.policy = newValue }
  }

  /// Calls that wait for a place in the bulkhead now.
  public var waitingCalls: Int { self.bulkhead.waitingCalls }

  /// The same channel for callers that must not be the ones to try a broken server: their calls
  /// fail fast unless the circuit is closed, also when it is time for a probe. Somebody else must
  /// probe, through this channel itself, or the circuit never closes again.
  public func withoutProbing() -> some RPCChannel {
    NonProbingChannel(guarded: self)
  }

  private static let openReason = "circuit-open"

  /// - Throws: ``RPCError``: that of the server or of the channel below; UNAVAILABLE with the
  ///   reason `circuit-open`; RESOURCE_EXHAUSTED with the reason `bulkhead-full`. The last two had
  ///   no effect.
  public func call(_ call: RPCCall) async throws -> ByteBuffer {
    try await self.call(call, mayProbe: true)
  }

  /// A stream takes a place from its beginning to its end; its end is what the breaker sees of it. Of
  /// one that probes a half-open circuit it sees that it opens, since the end may never come.
  ///
  /// - Throws: as ``call(_:)``.
  public func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    try await self.open(call, kind: kind, mayProbe: true)
  }

  fileprivate func call(_ call: RPCCall, mayProbe: Bool) async throws -> ByteBuffer {
    var call = call
    let passage = try await self.enter(&call, mayProbe: mayProbe)
    do {
      let answer = try await self.channel.call(call)
      self.leave(passage, .success)
      return answer
    } catch {
      self.leave(passage, self.outcome(of: error, isCutShort: passage.isCutShort))
      throw error
    }
  }

  fileprivate func open(
    _ call: RPCCall, kind: RPCKind, mayProbe: Bool
  ) async throws -> RPCByteStream {
    var call = call
    var passage = try await self.enter(&call, mayProbe: mayProbe)
    do {
      let stream = try await self.channel.open(call, kind: kind)
      let now = self.now()
      passage.ticket = self.breaker.withLock {
        $0.opened(passage.ticket, took: now - passage.start, now: now)
      }
      stream.whenOver { [passage] error in
        // How long a stream lasts says nothing about the server.
        let outcome =
          error.map { self.outcome(of: $0, isCutShort: passage.isCutShort) } ?? .success
        self.leave(passage, outcome, isStream: true)
      }
      return stream
    } catch {
      self.leave(passage, self.outcome(of: error, isCutShort: passage.isCutShort))
      throw error
    }
  }

  /// One call inside: the breaker has let it through, and it has a place in the bulkhead.
  private struct Passage {
    let start: NIODeadline
    var ticket: CircuitBreakerState.Ticket
    /// A caller that leaves less time than this call may take says nothing about the server.
    let isCutShort: Bool
  }

  private func enter(_ call: inout RPCCall, mayProbe: Bool) async throws -> Passage {
    var start = self.now()
    let inherited = RPCContext.current?.deadline
    let deadline = call.options.deadline(now: start, inherited: inherited)
    if let deadline, deadline <= start {
      throw RPCError.deadlinePassed(notProcessed: true)
    }
    let isCutShort = deadline != call.options.deadline(now: start, inherited: nil)
    let ticket = try self.admit(now: start, mayProbe: mayProbe)
    do {
      let hasWaited = try await self.bulkhead.enter(deadline: deadline)
      guard hasWaited else {
        return Passage(start: start, ticket: ticket, isCutShort: isCutShort)
      }
    } catch {
      self.record(.ignored, ticket, since: start, until: start)
      throw error
    }
    // The wait is on us: the server's time begins now, and the caller's has become shorter.
    start = self.now()
    let passage = Passage(start: start, ticket: ticket, isCutShort: isCutShort)
    if let deadline {
      guard deadline > start else {
        self.leave(passage, .ignored)
        throw RPCError.deadlinePassed(notProcessed: true)
      }
      call.options.timeout = .nanoseconds((deadline - start).nanoseconds)
    }
    return passage
  }

  private func leave(
    _ passage: Passage, _ outcome: CircuitBreakerState.Outcome, isStream: Bool = false
  ) {
    let end = self.now()
    // How long a stream or a failure takes says nothing about the load.
    self.bulkhead.leave(
      began: outcome == .success && !isStream ? passage.start : nil, now: end)
    self.record(outcome, passage.ticket, since: isStream ? end : passage.start, until: end)
  }

  private func record(
    _ outcome: CircuitBreakerState.Outcome, _ ticket: CircuitBreakerState.Ticket,
    since start: NIODeadline, until end: NIODeadline
  ) {
    self.breaker.withLock { $0.record(outcome, took: end - start, ticket: ticket, now: end) }
  }

  private func admit(
    now: NIODeadline, mayProbe: Bool
  ) throws(RPCError) -> CircuitBreakerState.Ticket {
    let (admission, mode) = self.breaker.withLock {
      ($0.admit(now: now, mayProbe: mayProbe), $0.mode)
    }
    switch admission {
    case .allowed(let ticket): return ticket
    case .refused(let retryAfter):
      let milliseconds = retryAfter.nanoseconds / 1_000_000
      let text =
        mode == .forcedOpen
        ? "an operator has opened the circuit"
        : milliseconds > 0
          ? "the circuit is open for another \(milliseconds) ms"
          : "the circuit is open until a probe succeeds"
      throw RPCError(.unavailable, text, reason: Self.openReason, notProcessed: true)
    }
  }

  private func outcome(
    of error: any Error, isCutShort: Bool
  ) -> CircuitBreakerState.Outcome {
    guard let error = error as? RPCError else { return .failure }
    switch error.status {
    case .cancelled: return .ignored
    case .deadlineExceeded where isCutShort: return .ignored
    // Refused before it began, here or there, for lack of room: it says nothing about the server.
    case .resourceExhausted where error.notProcessed: return .ignored
    default: return self.isFailure(error) ? .failure : .success
    }
  }
}

extension GuardedChannel.Circuit {
  init(_ phase: CircuitBreakerState.Phase) {
    self =
      switch phase {
      case .closed: .closed
      case .open: .open
      case .halfOpen: .halfOpen
      }
  }
}

/// A guarded channel for those who must not probe.
private struct NonProbingChannel: RPCChannel {
  let guarded: GuardedChannel

  var decodeLimits: DecodeLimits { self.guarded.decodeLimits }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    try await self.guarded.call(call, mayProbe: false)
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    try await self.guarded.open(call, kind: kind, mayProbe: false)
  }
}
