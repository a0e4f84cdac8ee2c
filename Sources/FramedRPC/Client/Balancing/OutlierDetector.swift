package import NIOCore

/// Decides which endpoints are left out for failing (``OutlierPolicy``), as a state machine: hosts
/// are known by their position in the balancer's list.
package struct OutlierDetector: Sendable {
  private struct Host: Sendable {
    var successes = 0
    var failures = 0
    var failuresInARow = 0
    var ejectedUntil: NIODeadline?
    /// How often it was ejected lately.
    var multiplier = 0
  }

  private let policy: OutlierPolicy?
  private var hosts: [Host] = []
  private var nextSweep: NIODeadline
  package private(set) var ejections = 0

  package init(policy: OutlierPolicy?, now: NIODeadline) {
    policy?.check()
    self.policy = policy
    self.nextSweep = policy.map { now + TimeAmount($0.interval) } ?? .distantFuture
  }

  /// The list of hosts has changed.
  ///
  /// - Parameter old: for each host of the new list its position in the old one, nil for a new host.
  package mutating func replaceHosts(_ old: [Int?]) {
    self.hosts = old.map { position in position.map { self.hosts[$0] } ?? Host() }
  }

  package func isEjected(_ position: Int, now: NIODeadline) -> Bool {
    self.ejectedUntil(position, now: now) != nil
  }

  /// nil when it is not ejected now.
  package func ejectedUntil(_ position: Int, now: NIODeadline) -> NIODeadline? {
    guard let until = self.hosts[position].ejectedUntil, now < until else { return nil }
    return until
  }

  /// A call ended. Looks at all hosts when it is time to.
  package mutating func record(isFailure: Bool, at position: Int, now: NIODeadline) {
    guard let policy = self.policy else { return }
    if now >= self.nextSweep { self.sweep(policy, now: now) }
    if isFailure {
      self.hosts[position].failures += 1
      self.hosts[position].failuresInARow += 1
      if let limit = policy.failuresInARow, self.hosts[position].failuresInARow >= limit {
        self.eject(position, policy, now: now)
      }
    } else {
      self.hosts[position].successes += 1
      self.hosts[position].failuresInARow = 0
    }
  }

  /// The end of an interval, noticed at the first call after it.
  private mutating func sweep(_ policy: OutlierPolicy, now: NIODeadline) {
    let interval = TimeAmount(policy.interval)
    let passed = (now - self.nextSweep).nanoseconds / interval.nanoseconds + 1
    self.nextSweep = self.nextSweep + .nanoseconds(interval.nanoseconds * passed)
    if let rule = policy.successRate { self.ejectBySuccessRate(rule, policy, now: now) }
    if let rule = policy.failureShare { self.ejectByFailureShare(rule, policy, now: now) }
    for position in self.hosts.indices {
      self.hosts[position].successes = 0
      self.hosts[position].failures = 0
      guard !self.isEjected(position, now: now) else { continue }
      // Only intervals in which it was not left out at all take a time back.
      let quiet =
        self.hosts[position].ejectedUntil.map {
          (now - $0).nanoseconds / interval.nanoseconds
        } ?? passed
      self.hosts[position].ejectedUntil = nil
      self.hosts[position].multiplier = max(
        0, self.hosts[position].multiplier - Int(clamping: quiet))
    }
  }

  private mutating func ejectBySuccessRate(
    _ rule: OutlierPolicy.SuccessRate, _ policy: OutlierPolicy, now: NIODeadline
  ) {
    let judged = self.hosts.indices.filter {
      self.hosts[$0].successes + self.hosts[$0].failures >= max(rule.minimumCalls, 1)
    }
    guard judged.count >= rule.minimumHosts, !judged.isEmpty else { return }
    let rates = judged.map { position in
      let host = self.hosts[position]
      return Double(host.successes) / Double(host.successes + host.failures)
    }
    let mean = rates.reduce(0, +) / Double(rates.count)
    let variance = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rates.count)
    let threshold = mean - variance.squareRoot() * rule.deviations
    for (position, rate) in zip(judged, rates) where rate < threshold {
      self.eject(position, policy, now: now)
    }
  }

  private mutating func ejectByFailureShare(
    _ rule: OutlierPolicy.FailureShare, _ policy: OutlierPolicy, now: NIODeadline
  ) {
    guard self.hosts.count >= rule.minimumHosts else { return }
    for position in self.hosts.indices {
      let host = self.hosts[position]
      let calls = host.successes + host.failures
      guard calls >= max(rule.minimumCalls, 1) else { continue }
      if Double(host.failures) / Double(calls) > rule.threshold {
        self.eject(position, policy, now: now)
      }
    }
  }

  private mutating func eject(_ position: Int, _ policy: OutlierPolicy, now: NIODeadline) {
    guard !self.isEjected(position, now: now) else { return }
    let ejected = self.hosts.indices.count { self.isEjected($0, now: now) }
    guard ejected < Self.mostEjected(of: self.hosts.count, policy) else { return }
    self.hosts[position].multiplier += 1
    self.hosts[position].failuresInARow = 0
    self.ejections += 1
    let longest = max(policy.maxEjectionTime, policy.baseEjectionTime)
    let time = min(policy.baseEjectionTime * self.hosts[position].multiplier, longest)
    self.hosts[position].ejectedUntil = now + TimeAmount(time)
  }

  /// gRFC A50 goes on until the share is passed; here it never is, but for the first host.
  private static func mostEjected(of hosts: Int, _ policy: OutlierPolicy) -> Int {
    guard hosts > 1 else { return 0 }
    return max(1, Int(Double(hosts) * policy.maxEjectedShare))
  }
}
