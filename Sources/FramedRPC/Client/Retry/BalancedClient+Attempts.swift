public import NIOCore
import Synchronization

/// The attempts of a call: which there are is decided by ``RetryState`` and ``HedgeState``.
extension BalancedClient {
  /// - Throws: ``RPCError``: that of the last attempt; "not processed" only if no attempt was.
  ///   UNAVAILABLE, not processed, when there is no endpoint.
  public func call(_ call: RPCCall) async throws -> ByteBuffer {
    var call = call
    let (plan, first) = try await self.begin(&call)
    if let hedging = plan.policy.hedging, plan.mark == nil, first.hasOthers {
      return try await self.hedged(call, plan, hedging, first)
    }
    return try await self.retried(call, plan, first) { try await self.send($0, to: $1) }
  }

  /// - Throws: as ``call(_:)``, until the stream is open.
  public func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    var call = call
    let (plan, first) = try await self.begin(&call)
    return try await self.retried(call, plan, first) {
      try await self.open($0, kind: kind, to: $1)
    }
  }

  /// What holds for the call, and where it goes first.
  private func begin(_ call: inout RPCCall) async throws -> (CallPlan, Balancer.Pick) {
    let policy = self.policies.policy(of: call)
    let now = self.clock.now()
    if let limit = policy.timeout {
      call.options.timeout = call.options.timeout.map { min($0, limit) } ?? limit
    }
    let mark = RetryMark.inherited
    let plan = CallPlan(
      policy: policy, mark: mark,
      deadline: call.options.deadline(now: now, inherited: RPCContext.current?.deadline),
      waitForReady: call.options.waitForReady || policy.waitForReady)
    // No single endpoint is waited for: whichever is back first gets the call.
    call.options.waitForReady = false
    if let mark, call.options.metadata[RetryMark.key] == nil {
      try call.options.metadata.append(RetryMark.key, mark)
    }
    let first = try await self.place(
      tried: [], waitForReady: plan.waitForReady, deadline: plan.deadline, now: now,
      isNewCall: true)
    return (plan, first)
  }

  // MARK: one after the other

  private func retried<Answer: Sendable>(
    _ call: RPCCall, _ plan: CallPlan, _ first: Balancer.Pick,
    _ attempt: (RPCCall, Balancer.Pick) async throws -> Answer
  ) async throws -> Answer {
    var pick = first
    var history = CallHistory()
    var retry = RetryState(
      policy: plan.policy, isChained: plan.mark != nil, deadline: plan.deadline)
    var vainWaits = 0
    while true {
      let failure: RPCError
      do {
        return try await attempt(plan.outgoing(call, retry.attempts - 1, pick.began), pick)
      } catch {
        guard let error = error as? RPCError else { throw error }
        failure = error
      }
      history.failed(failure, at: pick.id)
      let final = history.final(failure)
      guard !Task.isCancelled else { throw final }
      if failure.foundNoServer {
        if let other = self.reroute(history.tried) {
          pick = other
          continue
        }
        guard plan.waitForReady else { throw final }
        // All have been tried; what is back may be tried again, though not in a hurry.
        history.tried = []
        if vainWaits > 0 {
          let delay = RetryPolicy().backoff(step: vainWaits, jitter: self.jitter())
          try await self.pause(delay, plan, history)
        }
        vainWaits += 1
      } else {
        let decision = retry.failed(failure, now: self.clock.now(), jitter: self.jitter())
        guard case .retry(let delay) = decision, self.withdraw() else { throw final }
        try await self.pause(delay, plan, history)
        self.state.withLock { $0.retries += 1 }
      }
      do {
        pick = try await self.place(
          tried: history.tried, waitForReady: plan.waitForReady, deadline: plan.deadline,
          now: self.clock.now())
      } catch {
        throw history.final(error)
      }
    }
  }

  /// Waits, but not for longer than the caller does.
  private func pause(
    _ delay: TimeAmount, _ plan: CallPlan, _ history: CallHistory
  ) async throws {
    let left = plan.deadline.map { $0 - self.clock.now() } ?? delay
    do {
      if delay > .zero { try await self.clock.sleep(min(delay, max(left, .zero))) }
    } catch {
      throw history.final(RPCError.cancelledByCaller(notProcessed: true))
    }
  }

  private func jitter() -> Double {
    self.state.withLock { $0.balancer.jitter() }
  }

  private func withdraw() -> Bool {
    let now = self.clock.now()
    return self.state.withLock { state in
      let isPaid = state.budget.withdraw(now: now)
      if !isPaid { state.refusedByBudget += 1 }
      return isPaid
    }
  }

  /// Another endpoint for a call that found no server.
  private func reroute(_ tried: [Balancer.EndpointID]) -> Balancer.Pick? {
    guard let other = self.otherPlace(than: tried) else { return nil }
    self.state.withLock { $0.reroutes += 1 }
    return other
  }

  // MARK: several at once

  private enum HedgeEvent: Sendable {
    case timer(Int)
    case answered(ByteBuffer, RPCMetadata?)
    case failed(Balancer.EndpointID, attempt: Int, RPCError)
  }

  private func hedged(
    _ call: RPCCall, _ plan: CallPlan, _ hedging: HedgingPolicy, _ first: Balancer.Pick
  ) async throws -> ByteBuffer {
    let (result, history) = await self.race(call, plan, hedging, first)
    if case .failure(let error) = result, error.foundNoServer, !history.mayHaveRun,
      plan.waitForReady, !Task.isCancelled
    {
      let next = try await self.place(
        tried: [], waitForReady: true, deadline: plan.deadline, now: self.clock.now())
      return try await self.retried(call, plan, next) { try await self.send($0, to: $1) }
    }
    return try result.mapError(history.final).get()
  }

  /// The children end when the call does: those that are still under way are cancelled.
  private func race(
    _ call: RPCCall, _ plan: CallPlan, _ hedging: HedgingPolicy, _ first: Balancer.Pick
  ) async -> (Result<ByteBuffer, RPCError>, CallHistory) {
    await withTaskGroup(of: HedgeEvent.self) { group in
      defer { group.cancelAll() }
      var history = CallHistory()
      var hedge = HedgeState(policy: hedging, isChained: plan.mark != nil)
      var timer = 0
      var last = RPCError.cancelledByCaller(notProcessed: false)

      func start(_ pick: Balancer.Pick, attempt: Int) {
        history.tried.append(pick.id)
        group.addTask {
          var outgoing = plan.outgoing(call, attempt, pick.began)
          // Only the winner's is told.
          let metadata = Mutex<RPCMetadata?>(nil)
          if outgoing.options.onResponseMetadata != nil {
            outgoing.options.onResponseMetadata = { sent in metadata.withLock { $0 = sent } }
          }
          do {
            let answer = try await self.send(outgoing, to: pick)
            return .answered(answer, metadata.withLock { $0 })
          } catch {
            return .failed(
              pick.id, attempt: attempt, error as? RPCError ?? RPCError(.unknown, "\(error)"))
          }
        }
      }

      func setTimer(_ delay: TimeAmount) {
        timer += 1
        group.addTask { [timer] in
          try? await self.clock.sleep(delay)
          return .timer(timer)
        }
      }

      /// False when there is neither an attempt nor hope left.
      func act(on decision: HedgeState.Decision) -> Bool {
        switch decision {
        case .wait: return true
        case .giveUp: return false
        case .sendNextAfter(let delay):
          if hedge.outstanding == 0, plan.isOver(in: delay, now: self.clock.now()) { return false }
          setTimer(delay)
          return true
        case .sendNext:
          guard let pick = self.hedgePlace(than: history.tried) else {
            return hedge.stop() == .wait
          }
          hedge.sent()
          start(pick, attempt: hedge.attempts - 1)
          setTimer(TimeAmount(hedging.delay))
          return true
        }
      }

      start(first, attempt: 0)
      setTimer(TimeAmount(hedging.delay))
      while let event = await group.next() {
        let decision: HedgeState.Decision
        switch event {
        case .timer(let id):
          guard id == timer, !Task.isCancelled else { continue }
          decision = hedge.timerFired()
        case .answered(let answer, let metadata):
          if let metadata { call.options.onResponseMetadata?(metadata) }
          return (.success(answer), history)
        case .failed(let endpoint, let attempt, let error):
          last = error
          history.failed(error, at: endpoint)
          if Task.isCancelled { return (.failure(error), history) }
          if error.foundNoServer, let other = self.reroute(history.tried) {
            start(other, attempt: attempt)
            continue
          }
          decision = hedge.failed(error)
        }
        if !act(on: decision) { break }
      }
      if hedge.outstanding > 0 { history.mayHaveRun = true }
      return (.failure(last), history)
    }
  }

  /// An endpoint that the call has not been sent to yet, and the budget for it: the same one again
  /// would be as slow as before, and a broken one slower.
  private func hedgePlace(than tried: [Balancer.EndpointID]) -> Balancer.Pick? {
    let now = self.clock.now()
    return self.state.withLock { state in
      guard !state.isShutDown, state.balancer.hasUnbroken(otherThan: tried) else { return nil }
      guard state.budget.withdraw(now: now) else {
        state.refusedByBudget += 1
        return nil
      }
      state.hedges += 1
      return state.balancer.pick(now: now, tried: tried, mustBeNew: true)
    }
  }
}

/// What holds for all attempts of a call.
private struct CallPlan: Sendable {
  let policy: MethodPolicy
  /// That of the call which is being answered; nil when that is a first attempt, or there is none.
  let mark: String?
  let deadline: NIODeadline?
  let waitForReady: Bool

  func isOver(in delay: TimeAmount, now: NIODeadline) -> Bool {
    self.deadline.map { now + delay >= $0 } ?? false
  }

  /// The call as it leaves now.
  ///
  /// - Parameter attempt: 0 is no retry.
  func outgoing(_ call: RPCCall, _ attempt: Int, _ now: NIODeadline) -> RPCCall {
    var call = call
    if let deadline = self.deadline {
      call.options.timeout = .nanoseconds(max(0, (deadline - now).nanoseconds))
    }
    if attempt > 0 {
      call.options.metadata.appendTrusted("retry-attempt", "\(attempt)")
    }
    return call
  }
}

/// What became of a call's attempts so far.
private struct CallHistory: Sendable {
  var tried: [BalancedClient.Balancer.EndpointID] = []
  /// Some attempt may have had an effect.
  var mayHaveRun = false

  mutating func failed(_ error: RPCError, at endpoint: BalancedClient.Balancer.EndpointID) {
    if !self.tried.contains(endpoint) { self.tried.append(endpoint) }
    self.mayHaveRun = self.mayHaveRun || !error.notProcessed
  }

  /// What the caller is told: "not processed" is said of the whole call.
  func final(_ error: RPCError) -> RPCError {
    var error = error
    error.notProcessed = error.notProcessed && !self.mayHaveRun
    return error
  }

  func final(_ error: any Error) -> any Error {
    (error as? RPCError).map { self.final($0) as RPCError } ?? error
  }
}
