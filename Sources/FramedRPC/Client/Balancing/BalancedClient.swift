public import NIOCore
import Synchronization

/// A client of a service with any number of servers: finds them, spreads calls over them, goes round
/// those that are broken, and tries again where that is safe, all by one ``ClientPolicy``.
///
/// An endpoint that could not be reached gets no calls until a connection to it stands again; the
/// client sees to that. When all are broken, calls are tried all the same, and fail at once; calls
/// that wait for readiness wait for the first that is back. A call that found no server goes to
/// another endpoint at once, each at most once: that is no retry, and costs none of the budget.
///
/// Retries happen inside of ``GuardedChannel``, which belongs around this: its circuit breaker sees
/// one outcome a call, the last, and its bulkhead one call, however many attempts it takes.
///
/// A stream goes to one endpoint and stays there: until it is open, it is treated as a call is; from
/// then on nothing of it is repeated.
///
/// A client that nobody keeps any more shuts down.
public final class BalancedClient: RPCChannel, Sendable {
  typealias Balancer = BalancerState<any EndpointChannel>

  struct State: Sendable {
    var balancer: Balancer
    var budget: RetryBudgetState
    var isShutDown = false
    /// Whether the resolver has said anything yet.
    var isResolved = false
    var resolverFailure: String?
    var resolving: Task<Void, Never>?
    /// Who asks the broken endpoints whether they are back.
    var watches: [Balancer.EndpointID: Task<Void, Never>] = [:]
    /// Who listens to the reports that endpoints send apart from calls.
    var subscriptions: [Balancer.EndpointID: Task<Void, Never>] = [:]
    /// Calls that wait for an endpoint.
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWaiterID = 0
    /// Counts what may end a wait, so that none is missed between looking and waiting.
    var changes = 0
    var calls = 0
    var retries = 0
    var hedges = 0
    var reroutes = 0
    var refusedByBudget = 0
  }

  static let hasShutDown = ConnectionState.hasShutDown

  private let target: String
  private let resolver: any RPCResolver
  private let makeChannel: @Sendable (RPCAddress) -> any EndpointChannel
  let policies: PolicyTable
  /// From where load reports are wanted; nil when the balancing needs none.
  let reports: WeightedRoundRobinPolicy.Reports?
  let reportInterceptors: [any ClientInterceptor]
  let clock: ClientClock
  let state: Mutex<State>
  public let decodeLimits: DecodeLimits

  /// - Parameters:
  ///   - group: each endpoint's connection gets one of its loops.
  ///   - security: of every connection; nil for plaintext.
  ///   - reportInterceptors: around subscriptions to load reports that come apart from calls, for
  ///     example a ``BearerToken``; the client makes those by itself.
  public convenience init(
    target: RPCTarget, group: any EventLoopGroup, limits: RPCLimits = .standard,
    policy: ClientPolicy = ClientPolicy(), security: (any ClientSecurity)? = nil,
    reportInterceptors: [any ClientInterceptor] = []
  ) {
    self.init(
      resolver: target.makeResolver(), name: target.description, group: group, limits: limits,
      policy: policy, security: security, reportInterceptors: reportInterceptors)
  }

  /// - Parameters:
  ///   - name: what ``statistics()`` call the target.
  ///   - security: of every connection; nil for plaintext.
  ///   - reportInterceptors: around subscriptions to load reports that come apart from calls, for
  ///     example a ``BearerToken``; the client makes those by itself.
  public convenience init(
    resolver: any RPCResolver, name: String, group: any EventLoopGroup,
    limits: RPCLimits = .standard, policy: ClientPolicy = ClientPolicy(),
    security: (any ClientSecurity)? = nil, reportInterceptors: [any ClientInterceptor] = []
  ) {
    self.init(
      resolver: resolver, name: name, policy: policy, decodeLimits: limits.decode, clock: .system,
      random: SystemRandomNumberGenerator(), reportInterceptors: reportInterceptors
    ) { RPCClient(address: $0, group: group, limits: limits, security: security) }
  }

  package init(
    resolver: any RPCResolver, name: String, policy: ClientPolicy, decodeLimits: DecodeLimits,
    clock: ClientClock, random: any RandomNumberGenerator & Sendable,
    reportInterceptors: [any ClientInterceptor] = [],
    makeChannel: @escaping @Sendable (RPCAddress) -> any EndpointChannel
  ) {
    self.target = name
    self.resolver = resolver
    self.makeChannel = makeChannel
    self.policies = PolicyTable(policy)
    if case .weightedRoundRobin(let weights) = policy.balancing {
      self.reports = weights.reports
    } else {
      self.reports = nil
    }
    self.reportInterceptors = reportInterceptors
    self.clock = clock
    self.decodeLimits = decodeLimits
    let now = clock.now()
    self.state = Mutex(
      State(
        balancer: Balancer(
          balancing: policy.balancing, outliers: policy.outliers, random: random, now: now),
        budget: RetryBudgetState(policy: policy.budget, now: now)))
    if let known = resolver.knownEndpoints {
      self.resolved(.endpoints(known))
    }
    let resolving = Task.detached { [weak self] in
      await resolver.run { [weak self] in self?.resolved($0) }
    }
    self.state.withLock { $0.resolving = resolving }
  }

  deinit {
    self.shutdown()
  }

  /// Takes no more calls; those in flight are answered.
  public func shutdown() {
    let (tasks, channels, waiters) = self.state.withLock { state in
      state.isShutDown = true
      let tasks =
        [state.resolving].compactMap(\.self) + state.watches.values + state.subscriptions.values
      state.resolving = nil
      state.watches = [:]
      state.subscriptions = [:]
      return (tasks, state.balancer.endpoints.map(\.channel), Self.takeWaiters(&state))
    }
    for task in tasks { task.cancel() }
    for channel in channels { channel.shutdown() }
    for waiter in waiters { waiter.resume() }
  }

  public func statistics() -> ClientStatistics {
    let now = self.clock.now()
    return self.state.withLock { state in
      let endpoints = state.balancer.endpoints.enumerated().map { position, endpoint in
        ClientStatistics.Endpoint(
          address: endpoint.address.description,
          state: ClientStatistics.EndpointState(endpoint.reachability),
          inFlight: endpoint.load.inFlight, calls: endpoint.calls, failures: endpoint.failures,
          latency: .nanoseconds(Int64(endpoint.load.latency(now: now))),
          weight: state.balancer.weight(position, now: now),
          ejectedFor: state.balancer.ejectedUntil(position, now: now).map {
            .nanoseconds(($0 - now).nanoseconds)
          })
      }
      return ClientStatistics(
        target: self.target, endpoints: endpoints, resolverFailure: state.resolverFailure,
        budgetLeft: state.budget.retriesLeft(now: now), calls: state.calls,
        retries: state.retries, hedges: state.hedges, reroutes: state.reroutes,
        refusedByBudget: state.refusedByBudget, ejections: state.balancer.ejections)
    }
  }

  // MARK: endpoints

  private func resolved(_ update: ResolverUpdate) {
    let now = self.clock.now()
    let (gone, tasks, waiters) = self.state.withLock { state in
      var gone: [Balancer.Endpoint] = []
      var tasks: [Task<Void, Never>] = []
      guard !state.isShutDown else { return (gone, tasks, Self.takeWaiters(&state)) }
      state.isResolved = true
      switch update {
      case .failure(let reason): state.resolverFailure = reason
      case .endpoints(let addresses):
        state.resolverFailure = nil
        gone = state.balancer.update(addresses, now: now, make: self.makeChannel)
        tasks =
          gone.compactMap { state.watches.removeValue(forKey: $0.id) }
          + gone.compactMap { state.subscriptions.removeValue(forKey: $0.id) }
        self.subscribe(&state)
      }
      return (gone, tasks, Self.takeWaiters(&state))
    }
    for task in tasks { task.cancel() }
    // Their calls in flight are still answered.
    for endpoint in gone { endpoint.channel.shutdown() }
    for waiter in waiters { waiter.resume() }
  }

  /// Begins to ask an endpoint whether it is back. Under the lock.
  private func watch(_ pick: Balancer.Pick, _ state: inout State) {
    guard !state.isShutDown, state.watches[pick.id] == nil else { return }
    // Detached: neither a caller's deadline nor its cancellation is of interest here.
    state.watches[pick.id] = Task.detached { [weak self, id = pick.id, channel = pick.channel] in
      let isBack = (try? await channel.becomeReady()) != nil
      self?.stopsBeingBroken(id, as: isBack ? .reachable : .unknown)
    }
  }

  private func stopsBeingBroken(_ id: Balancer.EndpointID, as reachability: Balancer.Reachability) {
    let waiters = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.watches[id] = nil
      guard state.balancer.mark(id, as: reachability) else { return [] }
      return Self.takeWaiters(&state)
    }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: one attempt

  /// Where the next attempt goes.
  enum Place {
    case endpoint(Balancer.Pick)
    /// None, before something changes.
    case none(changes: Int)
  }

  /// Waits for an endpoint when it has to, and may.
  ///
  /// - Parameter isNewCall: this is a call's first attempt, which is counted.
  /// - Throws: ``RPCError``, not processed.
  func place(
    tried: [Balancer.EndpointID], waitForReady: Bool, deadline: NIODeadline?, now: NIODeadline,
    isNewCall: Bool = false
  ) async throws -> Balancer.Pick {
    var now = now
    var isCounted = !isNewCall
    while true {
      let place = try self.state.withLock { state -> Place in
        if !isCounted {
          isCounted = true
          state.calls += 1
          state.budget.callMade(now: now)
        }
        guard !state.isShutDown else { throw Self.hasShutDown }
        let mustWait = waitForReady ? !state.balancer.hasUnbroken : !state.isResolved
        if !mustWait, let pick = state.balancer.pick(now: now, tried: tried) {
          return .endpoint(pick)
        }
        guard mustWait || waitForReady else {
          let reason = state.resolverFailure ?? "\(self.target) has no endpoint"
          throw RPCError(.unavailable, reason, notProcessed: true)
        }
        return .none(changes: state.changes)
      }
      switch place {
      case .endpoint(let pick): return pick
      case .none(let changes):
        try await self.wait(after: changes, deadline: deadline)
        now = self.clock.now()
      }
    }
  }

  /// Another endpoint than those tried, without waiting; nil when there is none.
  func otherPlace(than tried: [Balancer.EndpointID]) -> Balancer.Pick? {
    let now = self.clock.now()
    return self.state.withLock { state in
      guard !state.isShutDown else { return nil }
      return state.balancer.pick(now: now, tried: tried, mustBeNew: true)
    }
  }

  func send(_ call: RPCCall, to pick: Balancer.Pick) async throws -> ByteBuffer {
    do {
      let answer = try await pick.channel.call(self.hearing(call, at: pick.id))
      self.ended(pick, as: .success)
      return answer
    } catch {
      self.ended(pick, as: Self.outcome(of: error))
      throw error
    }
  }

  /// The stream counts as a call in flight to its end.
  func open(
    _ call: RPCCall, kind: RPCKind, to pick: Balancer.Pick
  ) async throws -> RPCByteStream {
    let stream: RPCByteStream
    do {
      stream = try await pick.channel.open(self.hearing(call, at: pick.id), kind: kind)
    } catch {
      self.ended(pick, as: Self.outcome(of: error))
      throw error
    }
    stream.whenOver { [weak self] error in
      self?.ended(pick, as: error.map { EndpointOutcome($0) } ?? .success, isStream: true)
    }
    return stream
  }

  private static func outcome(of error: any Error) -> EndpointOutcome {
    (error as? RPCError).map { EndpointOutcome($0) } ?? .failure
  }

  private func ended(
    _ pick: Balancer.Pick, as outcome: EndpointOutcome, isStream: Bool = false
  ) {
    let now = self.clock.now()
    let (isBroken, waiters) = self.state.withLock { state in
      let news = state.balancer.ended(pick, as: outcome, isStream: isStream, now: now)
      if news == .broken { self.watch(pick, &state) }
      // A call found out before the watch did, which then has no news for those who wait.
      return (news == .broken, news == .reachable ? Self.takeWaiters(&state) : [])
    }
    for waiter in waiters { waiter.resume() }
    if isBroken { self.resolver.refresh() }
  }

  // MARK: waiting

  private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
    state.changes += 1
    return Array(exchange(&state.waiters, with: [:]).values)
  }

  /// Returns when something has changed since `changes` were counted.
  private func wait(after changes: Int, deadline: NIODeadline?) async throws {
    let id = self.state.withLock { state in
      state.lastWaiterID += 1
      return state.lastWaiterID
    }
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.state.withLock { state in
          guard state.changes == changes, !Task.isCancelled else { return false }
          state.waiters[id] = continuation
          return true
        }
        guard mustWait else { return continuation.resume() }
        guard let deadline else { return }
        // Not before there is a waiter for it to wake.
        timer = Task {
          guard (try? await self.clock.sleep(deadline - self.clock.now())) != nil else { return }
          self.wake(id)
        }
      }
    } onCancel: {
      self.wake(id)
    }
    if Task.isCancelled { throw RPCError.cancelledByCaller(notProcessed: true) }
    if let deadline, self.clock.now() >= deadline {
      throw RPCError.deadlinePassed(notProcessed: true)
    }
  }

  private func wake(_ id: Int) {
    self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
  }
}

extension ClientStatistics.EndpointState {
  init(_ reachability: BalancedClient.Balancer.Reachability) {
    switch reachability {
    case .unknown: self = .idle
    case .reachable: self = .ready
    case .broken: self = .broken
    }
  }
}
