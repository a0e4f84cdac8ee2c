package import NIOCore

/// A server's admission as a state machine that only decides: which calls run, which wait, and
/// which are refused.
///
/// `Waiter` is whatever the calls that wait are told through.
package struct AdmissionState<Waiter: Sendable>: Sendable {
  /// A call that waits.
  package struct Ticket: Hashable, Sendable {
    fileprivate let id: UInt64
    package let priority: RPCPriority
    /// When it will have waited for the longest queue time.
    package let until: NIODeadline
  }

  package enum Arrival: Sendable {
    case admitted
    /// - Parameter evicted: a call that is refused so that this one can wait.
    case queued(Ticket, evicted: Decision?)
    case refused(AdmissionRefusal)
  }

  /// What becomes of a call that has waited.
  package struct Decision: Sendable {
    package let waiter: Waiter
    /// nil: it has a place, and runs.
    package let refusal: AdmissionRefusal?
  }

  private struct Queued: Sendable {
    let waiter: Waiter
    let ticket: Ticket
    let method: Int
    let deadline: NIODeadline?
  }

  /// Those of one priority that wait. A call that has left keeps its number in `order`.
  private struct Row: Sendable {
    var order = CircularBuffer<UInt64>()
    var count = 0
  }

  /// Shortest and longest time that a caller is asked to stay away.
  private static var retryAfterBounds: ClosedRange<TimeAmount> {
    .milliseconds(50) ... .seconds(5)
  }
  /// So many may wait whatever the rate.
  private static var leastServable: Int { 16 }
  /// How often the rate of calls is measured.
  private static var rateWindow: TimeAmount { .milliseconds(100) }

  private let policy: AdmissionPolicy
  private let maxQueueTime: TimeAmount
  private var adaptive: AdaptiveLimit?
  private var limit: Int
  /// Calls in flight up to which one of each priority may begin, by rank.
  private var ceilings: [Int] = []
  private var inFlight = 0
  private var rows = [Row](repeating: Row(), count: RPCPriority.allCases.count)
  private var queued: [UInt64: Queued] = [:]
  private var nextID: UInt64 = 0
  /// Mean service time in nanoseconds by method, over about eight calls; 0 when not known.
  private var serviceTimes: [Double]
  private var rateBegan: NIODeadline
  private var rateCalls = 0
  /// Calls a second that end while there are any; 0 when not known.
  private var rate = 0.0
  private var counted = AdmissionStatistics()

  /// - Parameter methods: how many the server has.
  package init(policy: AdmissionPolicy, methods: Int, now: NIODeadline) {
    policy.check()
    self.policy = policy
    self.maxQueueTime = TimeAmount(policy.maxQueueTime)
    switch policy.limit {
    case .fixed(let limit): self.limit = limit
    case .adaptive(let adaptive):
      self.adaptive = AdaptiveLimit(policy: adaptive, now: now)
      self.limit = adaptive.initial
    }
    self.serviceTimes = [Double](repeating: 0, count: methods)
    self.rateBegan = now
    self.setCeilings()
  }

  package var statistics: AdmissionStatistics {
    var statistics = self.counted
    statistics.limit = self.limit
    statistics.inFlight = self.inFlight
    statistics.noLoadServiceTime = self.adaptive?.noLoad.map { .nanoseconds(Int64($0)) }
    for priority in RPCPriority.allCases {
      statistics.queued[priority] = self.rows[priority.rank].count
    }
    return statistics
  }

  // MARK: what happens

  /// A call has come.
  ///
  /// - Parameters:
  ///   - method: its slot.
  ///   - waiter: made only if it has to wait.
  package mutating func arrive(
    _ priority: RPCPriority, method: Int, deadline: NIODeadline?, now: NIODeadline,
    waiter: () -> Waiter
  ) -> Arrival {
    guard self.inFlight >= self.ceilings[priority.rank] else {
      if self.inFlight == 0 {
        self.rateBegan = now
        self.rateCalls = 0
      }
      self.begin(priority)
      return .admitted
    }
    if let reason = self.lateness(of: method, deadline, now) ?? self.fullness(priority) {
      return .refused(self.refuse(priority, reason, now))
    }
    var evicted: Decision?
    if self.queued.count >= self.policy.maxQueuedCalls, let last = self.lastBelow(priority) {
      let refusal = self.refuse(last.ticket.priority, .queueFull, now)
      evicted = Decision(waiter: last.waiter, refusal: refusal)
    }
    self.nextID += 1
    let ticket = Ticket(id: self.nextID, priority: priority, until: now + self.maxQueueTime)
    self.queued[ticket.id] = Queued(
      waiter: waiter(), ticket: ticket, method: method, deadline: deadline)
    self.rows[priority.rank].order.append(ticket.id)
    self.rows[priority.rank].count += 1
    return .queued(ticket, evicted: evicted)
  }

  /// Whether a call would be refused now because too many wait. Counts nothing.
  package func isFull(_ priority: RPCPriority, known: Int = 0) -> Bool {
    self.fullness(priority, known: known) != nil
  }

  /// A call is about to come. When it would be refused because too many wait, it is now, and counts.
  ///
  /// - Returns: nil when it may come; else when it is worth while to come again.
  package mutating func refuseIfFull(_ priority: RPCPriority, known: Int = 0) -> TimeAmount? {
    guard let reason = self.fullness(priority, known: known) else { return nil }
    self.count(priority, reason)
    return self.retryAfter(priority)
  }

  /// A call that had a place is over.
  ///
  /// - Parameters:
  ///   - began: when it got its place; nil when how long it took says nothing.
  /// - Returns: the calls that are decided by that.
  package mutating func leave(
    method: Int, began: NIODeadline?, now: NIODeadline
  ) -> [Decision] {
    self.inFlight -= 1
    self.measureRate(now)
    if let began {
      let nanoseconds = Double(max(0, (now - began).nanoseconds))
      let mean = self.serviceTimes[method]
      self.serviceTimes[method] = mean == 0 ? nanoseconds : mean + (nanoseconds - mean) / 8
      self.adaptive?.ended(began: began, inFlight: self.inFlight, now: now)
      if let limit = self.adaptive?.limit, limit != self.limit {
        self.limit = limit
        self.setCeilings()
      }
    }
    return self.queued.isEmpty ? [] : self.decide(now)
  }

  /// A call that waits does so no longer.
  ///
  /// - Parameter reason: nil when its caller has left.
  /// - Returns: whether it still waited; if not, it has been decided, and is told so.
  package mutating func giveUp(_ ticket: Ticket, _ reason: AdmissionRefusal.Reason?) -> Bool {
    guard self.remove(ticket) != nil else { return false }
    self.count(ticket.priority, reason)
    return true
  }

  /// When a call of the priority is worth while to come again: when those that are due before it
  /// will have got their places, at the rate of late.
  package func retryAfter(_ priority: RPCPriority) -> TimeAmount {
    let ahead = self.ahead(of: priority) + 1
    let bounds = Self.retryAfterBounds
    guard self.rate > 0 else { return max(bounds.lowerBound, self.maxQueueTime) }
    let time = min(Double(ahead) * 1e9 / self.rate, Double(bounds.upperBound.nanoseconds))
    return max(bounds.lowerBound, .nanoseconds(Int64(time)))
  }

  /// Why a call that gets no place now may not wait for one either; nil when it may, or gets one.
  ///
  /// - Parameter known: calls that run, wait, or are about to come.
  private func fullness(
    _ priority: RPCPriority, known: Int = 0
  ) -> AdmissionRefusal.Reason? {
    // Those that are about to come take the free places, and then wait.
    let coming = max(0, known - self.inFlight - self.queued.count)
    let free = max(0, self.ceilings[priority.rank] - self.inFlight)
    guard coming >= free else { return nil }
    if self.ahead(of: priority) + coming - free >= self.servable { return .queueTime }
    guard self.queued.count + coming - free >= self.policy.maxQueuedCalls,
      !self.rows.indices.contains(where: { $0 > priority.rank && self.rows[$0].count > 0 })
    else { return nil }
    return .queueFull
  }

  /// Calls that wait and are due before a new one of the priority.
  private func ahead(of priority: RPCPriority) -> Int {
    self.rows[...priority.rank].reduce(0) { $0 + $1.count }
  }

  /// So many that wait get their places within the longest queue time, at the rate of late; twice
  /// that, since places fall free in bursts, and a few when hardly a call ends. Who comes behind
  /// them would wait in vain, and is told so at once, which is what lets a queue stay short.
  private var servable: Int {
    guard self.rate > 0 else { return .max }
    let calls = self.rate * Double(self.maxQueueTime.nanoseconds) / 1e9
    return max(Self.leastServable, Int(min(2 * calls, Double(Int32.max))))
  }

  // MARK: deciding

  private mutating func begin(_ priority: RPCPriority) {
    self.inFlight += 1
    self.counted.admitted[priority] += 1
    self.adaptive?.began(inFlight: self.inFlight)
  }

  private mutating func decide(_ now: NIODeadline) -> [Decision] {
    var decisions: [Decision] = []
    for priority in RPCPriority.allCases {
      while let call = self.first(priority) {
        let reason =
          self.lateness(of: call.method, call.deadline, now)
          ?? (call.ticket.until <= now ? .queueTime : nil)
        guard reason != nil || self.inFlight < self.ceilings[priority.rank] else { break }
        _ = self.remove(call.ticket)
        if let reason {
          let refusal = self.refuse(priority, reason, now)
          decisions.append(Decision(waiter: call.waiter, refusal: refusal))
        } else {
          self.begin(priority)
          self.counted.admittedLater[priority] += 1
          decisions.append(Decision(waiter: call.waiter, refusal: nil))
        }
      }
    }
    return decisions
  }

  private func lateness(
    of method: Int, _ deadline: NIODeadline?, _ now: NIODeadline
  ) -> AdmissionRefusal.Reason? {
    guard let deadline else { return nil }
    guard deadline > now else { return .expired }
    return Double((deadline - now).nanoseconds) < self.serviceTimes[method] ? .tooLate : nil
  }

  private mutating func refuse(
    _ priority: RPCPriority, _ reason: AdmissionRefusal.Reason, _ now: NIODeadline
  ) -> AdmissionRefusal {
    self.count(priority, reason)
    return AdmissionRefusal(
      reason: reason, retryAfter: reason == .expired ? nil : self.retryAfter(priority))
  }

  private mutating func count(_ priority: RPCPriority, _ reason: AdmissionRefusal.Reason?) {
    switch reason {
    case nil: self.counted.abandoned[priority] += 1
    case .queueFull: self.counted.refusedQueueFull[priority] += 1
    case .queueTime: self.counted.refusedQueueTime[priority] += 1
    case .expired: self.counted.refusedExpired[priority] += 1
    case .tooLate: self.counted.refusedTooLate[priority] += 1
    }
  }

  private mutating func setCeilings() {
    let reserves = [
      0, self.policy.criticalReserve, self.policy.criticalReserve + self.policy.defaultReserve,
    ]
    self.ceilings = reserves.map { share in
      max(1, self.limit - Int((Double(self.limit) * share).rounded(.up)))
    }
  }

  private mutating func measureRate(_ now: NIODeadline) {
    self.rateCalls += 1
    let time = now - self.rateBegan
    guard time >= Self.rateWindow else { return }
    let rate = Double(self.rateCalls) * 1e9 / Double(time.nanoseconds)
    self.rate = self.rate == 0 ? rate : (self.rate + rate) / 2
    self.rateBegan = now
    self.rateCalls = 0
  }

  // MARK: the queue

  private mutating func first(_ priority: RPCPriority) -> Queued? {
    while let id = self.rows[priority.rank].order.first {
      if let call = self.queued[id] { return call }
      self.rows[priority.rank].order.removeFirst()
    }
    return nil
  }

  /// Takes out the call that came last of the lowest priority below this one.
  private mutating func lastBelow(_ priority: RPCPriority) -> Queued? {
    for lower in RPCPriority.allCases.reversed() where lower < priority {
      while let id = self.rows[lower.rank].order.popLast() {
        guard let call = self.queued.removeValue(forKey: id) else { continue }
        self.rows[lower.rank].count -= 1
        return call
      }
    }
    return nil
  }

  private mutating func remove(_ ticket: Ticket) -> Queued? {
    guard let call = self.queued.removeValue(forKey: ticket.id) else { return nil }
    let rank = ticket.priority.rank
    self.rows[rank].count -= 1
    // Those that left must not add up while nobody gets a place.
    if self.rows[rank].order.count > 2 * self.rows[rank].count + 16 {
      let queued = self.queued
      self.rows[rank].order.removeAll { queued[$0] == nil }
    }
    return call
  }
}
