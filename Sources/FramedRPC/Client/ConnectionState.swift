import NIOCore

/// The life of a client's connection, as a state machine that only decides.
///
/// While a server is away, attempts are spaced by 50 ms x 1.6^n up to 2 s, with ±20 % jitter (the
/// shape of gRPC's connection backoff, with bounds for services that restart in a second).
struct ConnectionState {
  typealias Waiter = CheckedContinuation<ClientConnection, any Error>

  static let firstBackoff: TimeAmount = .milliseconds(50)
  static let maxBackoff: TimeAmount = .seconds(2)
  static let hasShutDown = RPCError(.unavailable, "the client has shut down", notProcessed: true)

  enum Action {
    case none
    /// - Parameter attempt: names it to ``connected(_:attempt:)`` and ``lost(_:_:attempt:now:)``.
    case connect(attempt: Int)
    case connectLater(TimeAmount)
    case resume([Waiter], Result<ClientConnection, any Error>)
    case resumeAndConnectLater([Waiter], RPCError, TimeAmount)
  }

  private enum Phase {
    case idle
    case connecting
    case ready(ClientConnection)
    /// `reconnects`: a timer will end the backoff, because somebody waits for readiness.
    case backingOff(until: NIODeadline, RPCError, reconnects: Bool)
    case shutDown
  }

  private var phase = Phase.idle
  private var failures = 0
  /// The last to be begun.
  private(set) var attempt = 0
  private var waiters: [Int: (waiter: Waiter, waitForReady: Bool)] = [:]
  private var lastWaiterID = 0
  /// From 0 to 1, for the jitter.
  var random: @Sendable () -> Double = { .random(in: 0...1) }

  var ready: ClientConnection? {
    if case .ready(let connection) = self.phase { connection } else { nil }
  }

  /// Whether a new attempt would do something else than the one that just failed.
  var mayRetryAtOnce: Bool {
    switch self.phase {
    case .idle, .connecting, .ready: true
    case .backingOff, .shutDown: false
    }
  }

  mutating func nextWaiterID() -> Int {
    self.lastWaiterID += 1
    return self.lastWaiterID
  }

  mutating func wait(
    _ id: Int, _ waiter: Waiter, waitForReady: Bool, now: NIODeadline
  ) -> Action {
    switch self.phase {
    case .ready(let connection):
      return .resume([waiter], .success(connection))
    case .shutDown:
      return .resume([waiter], .failure(Self.hasShutDown))
    case .backingOff(let until, let error, _) where !waitForReady && now < until:
      return .resume([waiter], .failure(error))
    case .backingOff(let until, let error, let reconnects):
      self.waiters[id] = (waiter, waitForReady)
      guard now < until else { return self.connect() }
      guard !reconnects else { return .none }
      self.phase = .backingOff(until: until, error, reconnects: true)
      return .connectLater(until - now)
    case .connecting:
      self.waiters[id] = (waiter, waitForReady)
      return .none
    case .idle:
      self.waiters[id] = (waiter, waitForReady)
      return self.connect()
    }
  }

  private mutating func connect() -> Action {
    self.phase = .connecting
    self.attempt += 1
    return .connect(attempt: self.attempt)
  }

  mutating func removeWaiter(_ id: Int) -> Waiter? {
    self.waiters.removeValue(forKey: id)?.waiter
  }

  mutating func connected(_ connection: ClientConnection, attempt: Int) -> Action {
    guard case .connecting = self.phase, attempt == self.attempt else {
      connection.retire()
      return .none
    }
    self.phase = .ready(connection)
    self.failures = 0
    return .resume(self.takeWaiters { _ in true }, .success(connection))
  }

  /// A connection ended, or could not be made. May come more than once, and late: what is said of
  /// an attempt says nothing of the next one.
  mutating func lost(
    _ connection: ClientConnection, _ error: RPCError, attempt: Int, now: NIODeadline
  ) -> Action {
    switch self.phase {
    case .ready(let current) where current === connection:
      // It worked until now: the next call may try again at once.
      self.phase = .idle
      return .none
    case .connecting where attempt == self.attempt:
      // Whoever waited for this connection has sent nothing yet.
      var error = error
      error.notProcessed = true
      let delay = self.nextBackoff()
      let impatient = self.takeWaiters { !$0 }
      let reconnects = !self.waiters.isEmpty
      self.phase = .backingOff(until: now + delay, error, reconnects: reconnects)
      guard reconnects else {
        return .resume(impatient, .failure(error))
      }
      return .resumeAndConnectLater(impatient, error, delay)
    case .connecting, .ready, .idle, .backingOff, .shutDown:
      return .none
    }
  }

  mutating func backoffEnded() -> Action {
    guard case .backingOff(let until, let error, _) = self.phase else { return .none }
    guard !self.waiters.isEmpty else {
      // Whoever waited has left; the next to wait for readiness needs a timer of its own.
      self.phase = .backingOff(until: until, error, reconnects: false)
      return .none
    }
    return self.connect()
  }

  mutating func shutDown() -> (ClientConnection?, [Waiter]) {
    let connection = self.ready
    self.phase = .shutDown
    return (connection, self.takeWaiters { _ in true })
  }

  /// Those who came first come first.
  private mutating func takeWaiters(_ isTaken: (Bool) -> Bool) -> [Waiter] {
    let taken = self.waiters.filter { isTaken($0.value.waitForReady) }.keys.sorted()
    return taken.compactMap { self.waiters.removeValue(forKey: $0)?.waiter }
  }

  private mutating func nextBackoff() -> TimeAmount {
    var nanoseconds = Double(Self.firstBackoff.nanoseconds)
    for _ in 0..<min(self.failures, 16) {
      nanoseconds = min(nanoseconds * 1.6, Double(Self.maxBackoff.nanoseconds))
    }
    self.failures += 1
    return .nanoseconds(Int64(nanoseconds * (0.8 + 0.4 * self.random())))
  }
}
