import NIOCore

/// Answers ResilienceService for one process's guards.
struct ResilienceHandler: FramedrpcV1.ResilienceServiceHandler {
  private static let million: UInt64 = 1_000_000
  private static let hour: Int64 = 3_600_000
  private static let day: Int64 = 86_400_000

  let guards: Guards

  func listGuards(
    _ request: FramedrpcV1.ListGuardsRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListGuardsResponse {
    FramedrpcV1.ListGuardsResponse(
      guards: self.guards.all.map(FramedrpcV1.GuardStatus.init),
      rates: self.guards.rates.map(FramedrpcV1.RateStatus.init),
      admissions: self.guards.admissions.map(FramedrpcV1.AdmissionStatus.init),
      deadline: self.guards.deadlines.map(FramedrpcV1.DeadlineStatus.init))
  }

  func setCircuit(
    _ request: FramedrpcV1.SetCircuitRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.SetCircuitResponse {
    let channel = try self.channel(request.name)
    let mode: CircuitMode =
      switch request.mode {
      case .automatic: .automatic
      case .forcedOpen: .forcedOpen
      case .forcedClosed: .forcedClosed
      default:
        throw RPCError(.invalidArgument, "the mode is automatic, forced open or forced closed")
      }
    let previous = channel.circuitMode
    channel.circuitMode = mode
    return FramedrpcV1.SetCircuitResponse(
      previous: FramedrpcV1.CircuitMode(previous), status: self.status(request.name))
  }

  func setBulkhead(
    _ request: FramedrpcV1.SetBulkheadRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.SetBulkheadResponse {
    let channel = try self.channel(request.name)
    guard (1...Self.million).contains(request.maxConcurrentCalls),
      request.maxWaitingCalls <= Self.million, (0...Self.hour).contains(request.maxWaitMs)
    else {
      throw RPCError(
        .invalidArgument,
        "a bulkhead has 1 to 1000000 places, up to 1000000 that wait, and a wait of up to an hour")
    }
    var policy = channel.bulkheadPolicy
    policy.maxConcurrentCalls = Int(request.maxConcurrentCalls)
    policy.maxWaitingCalls = Int(request.maxWaitingCalls)
    policy.maxWait = .milliseconds(request.maxWaitMs)
    channel.bulkheadPolicy = policy
    return FramedrpcV1.SetBulkheadResponse(status: self.status(request.name))
  }

  func setRate(
    _ request: FramedrpcV1.SetRateRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.SetRateResponse {
    guard let limiter = self.guards.rate(request.name) else {
      throw RPCError(.notFound, "there is no rate limit '\(request.name)' here")
    }
    let isOff = request.permits == 0 && request.perMs == 0 && request.burst == 0
    guard
      isOff
        || (1...Self.million).contains(request.permits) && (1...Self.day).contains(request.perMs)
          && (1...Self.million).contains(request.burst)
    else {
      throw RPCError(
        .invalidArgument,
        "a rate has 1 to 1000000 permits, 1 ms to a day, and a burst up to 1000000; or all is 0")
    }
    limiter.policy =
      isOff
      ? nil
      : RateLimitPolicy(
        permits: Int(request.permits), per: .milliseconds(request.perMs),
        burst: Int(request.burst))
    return FramedrpcV1.SetRateResponse(
      rate: FramedrpcV1.RateStatus(request.name, limiter.statistics))
  }

  private func channel(_ name: String) throws(RPCError) -> GuardedChannel {
    guard let channel = self.guards.channel(name) else {
      throw RPCError(.notFound, "there is no guard '\(name)' here")
    }
    return channel
  }

  private func status(_ name: String) -> FramedrpcV1.GuardStatus? {
    self.guards.status(name).map(FramedrpcV1.GuardStatus.init)
  }
}

// MARK: - as messages

extension FramedrpcV1.GuardStatus {
  fileprivate init(_ status: Guards.Guard) {
    self.init(
      name: status.name, circuit: FramedrpcV1.CircuitStatus(status.circuit),
      bulkhead: FramedrpcV1.BulkheadStatus(status.bulkhead),
      retryBudget: status.client.map {
        FramedrpcV1.RetryBudgetStatus(
          retriesLeft: UInt64($0.budgetLeft), retries: UInt64($0.retries + $0.hedges),
          refused: UInt64($0.refusedByBudget))
      })
  }
}

extension FramedrpcV1.CircuitStatus {
  fileprivate init(_ circuit: CircuitStatistics) {
    let phase: FramedrpcV1.CircuitPhase =
      switch circuit.phase {
      case .closed: .isClosed
      case .open: .isOpen
      case .halfOpen: .halfOpen
      }
    self.init(
      phase: phase, mode: FramedrpcV1.CircuitMode(circuit.mode),
      windowCalls: UInt64(circuit.calls), windowFailures: UInt64(circuit.failures),
      windowSlow: UInt64(circuit.slowCalls), failuresInARow: UInt64(circuit.failuresInARow),
      openForMs: circuit.openFor?.wholeMilliseconds ?? 0, timesOpened: UInt64(circuit.timesOpened),
      refused: UInt64(circuit.refused))
  }
}

extension FramedrpcV1.CircuitMode {
  fileprivate init(_ mode: CircuitMode) {
    self =
      switch mode {
      case .automatic: .automatic
      case .forcedOpen: .forcedOpen
      case .forcedClosed: .forcedClosed
      }
  }
}

extension FramedrpcV1.BulkheadStatus {
  fileprivate init(_ bulkhead: BulkheadStatistics) {
    self.init(
      running: UInt64(bulkhead.running), waiting: UInt64(bulkhead.waiting),
      limit: UInt64(bulkhead.limit),
      maxConcurrentCalls: UInt64(bulkhead.policy.maxConcurrentCalls),
      maxWaitingCalls: UInt64(bulkhead.policy.maxWaitingCalls),
      maxWaitMs: bulkhead.policy.maxWait.wholeMilliseconds, admitted: UInt64(bulkhead.admitted),
      admittedLater: UInt64(bulkhead.admittedLater), refusedFull: UInt64(bulkhead.refusedFull),
      refusedWait: UInt64(bulkhead.refusedWait), abandoned: UInt64(bulkhead.abandoned))
  }
}

extension FramedrpcV1.RateStatus {
  fileprivate init(_ name: String, _ rate: RateLimitStatistics) {
    self.init(
      name: name, permits: UInt64(rate.policy?.permits ?? 0),
      perMs: rate.policy?.per.wholeMilliseconds ?? 0, burst: UInt64(rate.policy?.burst ?? 0),
      keys: UInt64(rate.keys), granted: UInt64(rate.granted), refused: UInt64(rate.refused))
  }
}

extension FramedrpcV1.AdmissionStatus {
  fileprivate init(_ name: String, _ admission: AdmissionStatistics) {
    self.init(
      name: name, limit: UInt64(admission.limit), inFlight: UInt64(admission.inFlight),
      queued: UInt64(admission.queued.total), admitted: UInt64(admission.admitted.total),
      admittedLater: UInt64(admission.admittedLater.total),
      abandoned: UInt64(admission.abandoned.total),
      refusedQueueFull: UInt64(admission.refusedQueueFull.total),
      refusedQueueTime: UInt64(admission.refusedQueueTime.total),
      refusedExpired: UInt64(admission.refusedExpired.total),
      refusedTooLate: UInt64(admission.refusedTooLate.total))
  }
}

extension FramedrpcV1.DeadlineStatus {
  fileprivate init(_ deadlines: Guards.Deadlines) {
    self.init(
      standardMs: deadlines.standard?.wholeMilliseconds ?? 0,
      longestMs: deadlines.longest?.wholeMilliseconds ?? 0,
      hopMarginMs: deadlines.hopMargin.wholeMilliseconds)
  }
}

extension Duration {
  /// Rounded up: what is left is not shown as nothing.
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = self.components
    return seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
