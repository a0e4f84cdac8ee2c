import FramedRPC
import NIOCore
import Testing

/// The breaker beside a model that remembers everything and counts it anew each time.
@Suite("A circuit breaker and its model")
struct BreakerModelTests {
  /// What the policy's words say, without regard to cost.
  private struct Model {
    struct Outcome {
      let time: NIODeadline
      let isFailure: Bool
      let isSlow: Bool
    }

    enum Phase: Equatable {
      case closed
      case open(until: NIODeadline?)
      case halfOpen
    }

    let policy: CircuitBreakerPolicy
    var mode = CircuitMode.automatic
    var phase = Phase.closed
    /// Since the phase began.
    var outcomes: [Outcome] = []
    var opened = 0
    /// Probes, by number, that have a place …
    var places: Set<Int> = []
    /// … and that went well.
    var good: Set<Int> = []
    var lastProbe = NIODeadline.uptimeNanoseconds(0)
    /// How often probes that did not come back gave their places to others.
    var replacements = 0
    /// Calls that were admitted.
    var calls = 0
    /// Changes with the phase.
    var period = 0

    func isSlow(_ time: TimeAmount) -> Bool {
      self.policy.slowCall.map { time > TimeAmount($0) } ?? false
    }

    func window(_ now: NIODeadline) -> [Outcome] {
      var window = self.outcomes[...]
      if let calls = self.policy.windowCalls {
        window = window.suffix(calls)
        if let time = self.policy.windowTime {
          window = window.filter { $0.time >= now - TimeAmount(time) }[...]
        }
      } else if let time = self.policy.windowTime {
        let slice = UInt64(TimeAmount(time).nanoseconds / 10)
        let current = now.uptimeNanoseconds / slice
        window = window.filter { $0.time.uptimeNanoseconds / slice + 10 > current }[...]
      }
      return Array(window)
    }

    /// A call that was admitted.
    struct Call {
      let number: Int
      let period: Int
    }

    /// nil: refused.
    mutating func admit(now: NIODeadline, mayProbe: Bool) -> (call: Call?, retryAfter: TimeAmount) {
      self.calls += 1
      let number = self.calls
      switch self.phase {
      case .closed: return (Call(number: number, period: self.period), .zero)
      case .open(nil): return (nil, .zero)
      case .open(let until?) where now < until: return (nil, until - now)
      case .open:
        guard mayProbe else { return (nil, .zero) }
        self.enter(.halfOpen)
      case .halfOpen:
        let isFull = self.places.count >= self.policy.probes
        let isOverdue = now >= self.lastProbe + TimeAmount(self.policy.maxOpenTime)
        guard mayProbe, !isFull || isOverdue else {
          return (nil, self.policy.slowCall.map { TimeAmount($0) } ?? .zero)
        }
        if isFull {
          self.places = self.good
          self.replacements += 1
        }
      }
      self.places.insert(number)
      self.lastProbe = now
      return (Call(number: number, period: self.period), .zero)
    }

    /// A stream: as a probe it has succeeded.
    mutating func opened(_ call: Call, _ time: TimeAmount, now: NIODeadline) {
      guard self.phase == .halfOpen else { return }
      self.record(.success, time, call, now: now)
    }

    mutating func record(
      _ outcome: CircuitBreakerState.Outcome, _ time: TimeAmount, _ call: Call, now: NIODeadline
    ) {
      guard call.period == self.period else { return }
      let isSlow = self.isSlow(time)
      if self.phase == .halfOpen {
        if outcome == .failure { return self.open(now) }
        if self.good.contains(call.number) { return }
        if outcome == .ignored {
          self.places.remove(call.number)
        } else if isSlow {
          self.open(now)
        } else {
          self.good.insert(call.number)
          if self.good.count == self.policy.probes { self.enter(.closed) }
        }
        return
      }
      guard outcome != .ignored else { return }
      self.outcomes.append(Outcome(time: now, isFailure: outcome == .failure, isSlow: isSlow))
      let isGood = { (outcome: Outcome) in !outcome.isFailure && !outcome.isSlow }
      let good = self.outcomes.suffix(self.policy.minimumCalls)
      if good.count == self.policy.minimumCalls, good.allSatisfy(isGood) { self.opened = 0 }
      guard self.mode == .automatic, outcome == .failure || isSlow else { return }
      if self.isBroken(now) { self.open(now) }
    }

    func isBroken(_ now: NIODeadline) -> Bool {
      if let row = self.policy.failuresInARow {
        let last = self.outcomes.suffix(row)
        if last.count == row, last.allSatisfy(\.isFailure) { return true }
      }
      let window = self.window(now)
      guard window.count >= self.policy.minimumCalls else { return false }
      let failures = window.count(where: \.isFailure)
      let slow = window.count(where: \.isSlow)
      return Double(failures) >= self.policy.failureRate * Double(window.count)
        || Double(slow) >= self.policy.slowCallRate * Double(window.count)
    }

    mutating func open(_ now: NIODeadline) {
      var time = self.policy.firstOpenTime
      for _ in 0..<self.opened where time < self.policy.maxOpenTime { time = time * 2 }
      self.opened += 1
      self.enter(.open(until: now + TimeAmount(min(time, self.policy.maxOpenTime))))
    }

    mutating func set(_ mode: CircuitMode) {
      guard mode != self.mode else { return }
      self.mode = mode
      self.opened = 0
      self.enter(mode == .forcedOpen ? .open(until: nil) : .closed)
    }

    mutating func enter(_ phase: Phase) {
      self.phase = phase
      self.period += 1
      self.outcomes = []
      self.places = []
      self.good = []
    }

    func isIn(_ phase: CircuitBreakerState.Phase) -> Bool {
      switch (self.phase, phase) {
      case (.closed, .closed), (.halfOpen, .halfOpen): true
      case (.open(nil), .open(.distantFuture)): true
      case (.open(let one?), .open(let other)): one == other
      default: false
      }
    }
  }

  private static func policy(_ random: inout SplitMix) -> CircuitBreakerPolicy {
    let shape = random.below(3)
    return CircuitBreakerPolicy(
      windowCalls: shape == 0 ? nil : 6 + random.below(20),
      windowTime: shape == 1 ? nil : .milliseconds(200 + 10 * random.below(100)),
      minimumCalls: 1 + random.below(6),
      failureRate: [0.1, 0.5, 0.9][random.below(3)],
      failuresInARow: random.below(2) == 0 ? nil : 2 + random.below(6),
      slowCall: random.below(3) == 0 ? nil : .milliseconds(100),
      slowCallRate: [0.2, 0.5, 1][random.below(3)],
      firstOpenTime: .milliseconds(10 + random.below(100)),
      maxOpenTime: .milliseconds(50 + random.below(2_000)), probes: 1 + random.below(3))
  }

  @Test("decide the same in every random history", arguments: [1, 2, 3, 4] as [UInt64])
  func agree(seed: UInt64) {
    var random = SplitMix(state: seed)
    var replacements = 0
    for _ in 0..<(modelOperations / 4 / 500) {
      let policy = Self.policy(&random)
      guard let step = Self.divergence(policy, &random, &replacements) else { continue }
      Issue.record("seed \(seed), step \(step) of \(policy)")
      return
    }
    #expect(replacements > 0, "probes that did not come back")
  }

  /// - Parameter replacements: how often probes were replaced, over all policies.
  /// - Returns: the first of 500 steps after which the two differ.
  private static func divergence(
    _ policy: CircuitBreakerPolicy, _ random: inout SplitMix, _ replacements: inout Int
  ) -> Int? {
    var state = CircuitBreakerState(policy: policy)
    var model = Model(policy: policy)
    var now = NIODeadline.uptimeNanoseconds(60_000_000_000)
    var calls: [(CircuitBreakerState.Ticket, Model.Call)] = []
    var refused = 0
    /// How likely a call fails, of 8; changes with the weather.
    var trouble = 1
    for step in 0..<500 {
      now = now + random.time()
      if random.below(50) == 0 { trouble = random.below(9) }
      switch random.below(100) {
      case 0:
        let mode = CircuitMode.allCases[random.below(3)]
        state.setMode(mode)
        model.set(mode)
      case 1..<50:
        let mayProbe = random.below(4) > 0
        let expected = model.admit(now: now, mayProbe: mayProbe)
        switch (state.admit(now: now, mayProbe: mayProbe), expected.call) {
        case (.allowed(let ticket), let call?): calls.append((ticket, call))
        case (.refused(let retryAfter), nil) where retryAfter == expected.retryAfter: refused += 1
        default: return step
        }
      case 50..<60:
        guard !calls.isEmpty else { continue }
        let index = random.below(calls.count)
        let (ticket, call) = calls[index]
        let time = TimeAmount.milliseconds(random.below(8) < trouble ? 150 : 1)
        calls[index].0 = state.opened(ticket, took: time, now: now)
        model.opened(call, time, now: now)
      default:
        guard !calls.isEmpty else { continue }
        let (ticket, call) = calls.swapRemove(random.below(calls.count))
        let isBad = random.below(8) < trouble
        let outcome: CircuitBreakerState.Outcome =
          random.below(20) == 0 ? .ignored : isBad && random.below(2) == 0 ? .failure : .success
        let time = TimeAmount.milliseconds(isBad ? Int64(random.below(200)) : 1)
        state.record(outcome, took: time, ticket: ticket, now: now)
        model.record(outcome, time, call, now: now)
      }
      let window = model.window(now)
      let counts = state.counts(now: now)
      guard model.isIn(state.phase), state.mode == model.mode, state.refusedCalls == refused,
        counts.calls == window.count, counts.failures == window.count(where: \.isFailure),
        counts.slow == window.count(where: \.isSlow)
      else { return step }
    }
    replacements += model.replacements
    return nil
  }
}

extension Array {
  /// Takes one out; the last comes in its place.
  mutating func swapRemove(_ index: Int) -> Element {
    self.swapAt(index, self.count - 1)
    return self.removeLast()
  }
}
