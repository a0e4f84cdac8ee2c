import Glibc
package import NIOCore

/// How loaded an endpoint is: the calls it has in flight times a moving average of its latency that
/// follows peaks at once and forgets them slowly.
///
/// The algorithm is that of Finagle's `PeakEwma`, with its decay time of 10 s: a latency above the
/// average replaces it; one below moves it by how long ago the last one was (e^(-t / decay)); while
/// nothing is heard it sinks. New here: a failed call counts as a slow one, so that an endpoint that
/// fails fast does not draw the calls to itself; and what is known of an endpoint is forgotten when
/// it is back after it was broken, since that is a new server as a rule.
package struct PeakEWMA: Sendable {
  /// The time after which a peak weighs 1/e.
  package static let decay = TimeAmount.seconds(10)
  /// The latency that a failed call counts for, at least.
  package static let failureLatency = TimeAmount.seconds(1)
  /// Of an endpoint that has not answered yet and has been asked: one call is enough to get to know
  /// it. In nanoseconds, well above any latency.
  private static let unknown = 1e15

  package private(set) var inFlight = 0
  /// Of these, as far as can be told, those that began since nothing is known.
  private var probing = 0
  /// Nanoseconds; 0 while nothing is known.
  private var cost = 0.0
  private var lastUpdate: NIODeadline

  package init(now: NIODeadline) {
    self.lastUpdate = now
  }

  package mutating func began() {
    self.inFlight += 1
    if self.cost == 0 { self.probing += 1 }
  }

  /// - Parameter latency: nil for a stream: how long one lasts says nothing about the endpoint.
  package mutating func ended(
    took latency: TimeAmount?, as outcome: EndpointOutcome, now: NIODeadline
  ) {
    self.inFlight -= 1
    self.probing = max(0, self.probing - 1)
    switch outcome {
    case .success:
      if let latency { self.observe(latency, now: now) }
    case .failure, .lost, .overload:
      self.observe(max(latency ?? .zero, Self.failureLatency), now: now)
    // Says nothing of how long an answer takes; whoever cannot be reached gets no calls.
    case .unreachable: break
    case .abandoned, .unsent:
      // It would have taken at least so long.
      if let latency, Double(latency.nanoseconds) > self.latency(now: now) {
        self.observe(latency, now: now)
      }
    }
  }

  /// As if it had never been heard of: the calls in flight are those of another server, and say
  /// nothing about this one.
  package mutating func forget() {
    self.cost = 0
    self.probing = 0
  }

  /// To be compared with that of others; in nanoseconds.
  package func load(now: NIODeadline) -> Double {
    let latency = self.latency(now: now)
    if latency == 0, self.probing > 0 { return Self.unknown + Double(self.inFlight) }
    return latency * Double(self.inFlight + 1)
  }

  /// Nanoseconds.
  package func latency(now: NIODeadline) -> Double {
    self.cost * self.weight(now: now)
  }

  private mutating func observe(_ latency: TimeAmount, now: NIODeadline) {
    // A latency of zero would look like none.
    let latency = Double(max(latency.nanoseconds, 1))
    if latency > self.cost {
      self.cost = latency
    } else {
      let weight = self.weight(now: now)
      self.cost = self.cost * weight + latency * (1 - weight)
    }
    self.lastUpdate = max(self.lastUpdate, now)
  }

  /// Of what was known at the last update.
  private func weight(now: NIODeadline) -> Double {
    let passed = max((now - self.lastUpdate).nanoseconds, 0)
    return exp(-Double(passed) / Double(Self.decay.nanoseconds))
  }
}

/// What a call says about the endpoint it was sent to.
package enum EndpointOutcome: Hashable, Sendable {
  /// It answered, be it that the answer is no.
  case success
  /// Silence or breakage.
  case failure
  /// The connection was lost with the call on it.
  case lost
  /// It refused the call for lack of room, without effect.
  case overload
  /// The call did not get there.
  case unreachable
  /// The caller's time was over before the call was sent.
  case unsent
  /// The caller left, or another attempt was faster.
  case abandoned

  package init(_ error: RPCError) {
    switch error.status {
    case .cancelled: self = .abandoned
    case .deadlineExceeded: self = error.notProcessed ? .unsent : .failure
    case .internal, .unknown, .dataLoss: self = .failure
    // With a reason the service itself has explained what it lacks.
    case .unavailable where error.reason == nil: self = error.notProcessed ? .unreachable : .lost
    case .resourceExhausted where error.notProcessed: self = .overload
    case .resourceExhausted where error.reason == nil: self = .failure
    default: self = .success
    }
  }
}
