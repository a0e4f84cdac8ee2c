package import NIOCore

/// Why a call gets no place in a bulkhead.
package enum BulkheadRefusal: Equatable, Sendable {
  /// Too many wait already, or it has waited for the longest time.
  case full
  /// Its own deadline has passed.
  case deadline
}

/// A bulkhead as a state machine that only decides: which calls run, which wait, which are refused.
/// First come, first served.
///
/// `Waiter` is whatever the calls that wait are told through.
package struct BulkheadState<Waiter: Sendable>: Sendable {
  /// What a call that finds no free place does.
  package enum Entry: Equatable, Sendable {
    case admitted
    case full
    /// There is room to wait, under this number: see ``wait(_:deadline:now:waiter:)``.
    case mayWait(UInt64)
  }

  package enum Arrival: Equatable, Sendable {
    case admitted
    case refused(BulkheadRefusal)
    case queued(until: NIODeadline)
  }

  /// What becomes of a call that has waited.
  package struct Decision: Sendable {
    package let waiter: Waiter
    /// nil: it has a place, and runs.
    package let refusal: BulkheadRefusal?
  }

  private struct Waiting: Sendable {
    let waiter: Waiter
    let until: NIODeadline
    /// What it means when it has waited so long.
    let refusal: BulkheadRefusal
  }

  package private(set) var policy: BulkheadPolicy
  /// Calls at once that are allowed now.
  package private(set) var limit: Int
  package private(set) var running = 0
  private var adaptive: AdaptiveLimit?
  private var nextID: UInt64 = 0
  /// In order of arrival. A call that has left keeps its number here.
  private var order = CircularBuffer<UInt64>()
  private var waiters: [UInt64: Waiting] = [:]
  private var counted = BulkheadStatistics()

  package init(policy: BulkheadPolicy, now: NIODeadline) {
    policy.check()
    self.policy = policy
    self.adaptive = policy.adaptive.map { AdaptiveLimit(policy: $0, now: now) }
    self.limit = policy.limit(self.adaptive)
  }

  package var waiting: Int { self.waiters.count }

  package var statistics: BulkheadStatistics {
    var statistics = self.counted
    statistics.limit = self.limit
    statistics.running = self.running
    statistics.waiting = self.waiting
    statistics.policy = self.policy
    return statistics
  }

  // MARK: what happens

  /// A call has come.
  package mutating func enter() -> Entry {
    if self.running < self.limit {
      self.begin()
      return .admitted
    }
    guard self.waiters.count < self.policy.maxWaitingCalls else {
      self.counted.refusedFull += 1
      return .full
    }
    self.nextID += 1
    return .mayWait(self.nextID)
  }

  /// A call that may wait does so, unless a place has become free or all that may wait do.
  ///
  /// - Parameters:
  ///   - deadline: the caller's; nil when it has none.
  ///   - waiter: made only if it has to wait.
  package mutating func wait(
    _ id: UInt64, deadline: NIODeadline?, now: NIODeadline, waiter: () -> Waiter
  ) -> Arrival {
    guard self.running >= self.limit else {
      self.begin()
      return .admitted
    }
    let longest = now + TimeAmount(self.policy.maxWait)
    let until = deadline.map { min($0, longest) } ?? longest
    let refusal: BulkheadRefusal = deadline.map { $0 <= longest } ?? false ? .deadline : .full
    guard self.waiters.count < self.policy.maxWaitingCalls else {
      self.counted.refusedFull += 1
      return .refused(.full)
    }
    guard until > now else {
      self.counted.refusedWait += 1
      return .refused(refusal)
    }
    self.waiters[id] = Waiting(waiter: waiter(), until: until, refusal: refusal)
    self.order.append(id)
    return .queued(until: until)
  }

  /// A call that waits does so no longer: its time is over, or, `isCancelled`, its caller has left.
  ///
  /// - Returns: nil when it does not wait any more: it has been told already.
  package mutating func giveUp(_ id: UInt64, isCancelled: Bool) -> Decision? {
    guard let call = self.waiters.removeValue(forKey: id) else { return nil }
    if isCancelled {
      self.counted.abandoned += 1
    } else {
      self.counted.refusedWait += 1
    }
    // Those that left must not add up while nobody gets a place.
    if self.order.count > 2 * self.waiters.count + 16 {
      let waiters = self.waiters
      self.order.removeAll { waiters[$0] == nil }
    }
    return Decision(waiter: call.waiter, refusal: call.refusal)
  }

  /// A call that had a place is over.
  ///
  /// - Parameter began: when it got its place; nil when how long it took says nothing.
  /// - Returns: those that are decided by that.
  package mutating func leave(began: NIODeadline?, now: NIODeadline) -> [Decision] {
    self.running -= 1
    if let began, self.adaptive != nil {
      self.adaptive?.ended(began: began, inFlight: self.running, now: now)
      self.limit = self.policy.limit(self.adaptive)
    }
    return self.waiters.isEmpty ? [] : self.decide(now)
  }

  /// Other limits hold from now on; those that wait for longer than the new ones allow go on.
  ///
  /// - Returns: those that get a place by that, or have waited for too long.
  package mutating func setPolicy(_ policy: BulkheadPolicy, now: NIODeadline) -> [Decision] {
    policy.check()
    if policy.adaptive != self.policy.adaptive {
      self.adaptive = policy.adaptive.map { AdaptiveLimit(policy: $0, now: now) }
    }
    self.policy = policy
    self.limit = policy.limit(self.adaptive)
    return self.decide(now)
  }

  // MARK: deciding

  private mutating func begin() {
    self.running += 1
    self.counted.admitted += 1
    self.adaptive?.began(inFlight: self.running)
  }

  private mutating func decide(_ now: NIODeadline) -> [Decision] {
    var decisions: [Decision] = []
    while self.running < self.limit, let id = self.order.popFirst() {
      guard let call = self.waiters.removeValue(forKey: id) else { continue }
      if call.until > now {
        self.begin()
        self.counted.admittedLater += 1
        decisions.append(Decision(waiter: call.waiter, refusal: nil))
      } else {
        self.counted.refusedWait += 1
        decisions.append(Decision(waiter: call.waiter, refusal: call.refusal))
      }
    }
    return decisions
  }
}

extension BulkheadPolicy {
  fileprivate func limit(_ adaptive: AdaptiveLimit?) -> Int {
    min(self.maxConcurrentCalls, adaptive?.limit ?? Int.max)
  }
}
