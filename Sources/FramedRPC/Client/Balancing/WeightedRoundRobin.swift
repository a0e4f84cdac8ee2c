package import NIOCore

/// Whose turn it is by weights from load reports (``WeightedRoundRobinPolicy``), as a state machine:
/// hosts are known by their position in the balancer's list.
///
/// The weights are those of gRFC A58. It leaves the choice to a scheduler; here it is nginx's smooth
/// weighted round robin: every candidate earns its weight at each turn, the richest gets the call and
/// pays what all have earned. Over time each has its share to within a call, no host has long runs of
/// calls, and the candidates may be others each time. Weights are whole numbers there, so that equal
/// hosts stay equal.
package struct WeightedRoundRobin: Sendable {
  private struct Host: Sendable {
    /// What the last report came to.
    var reported = 0.0
    /// Of the reports without a gap.
    var firstReport: NIODeadline?
    var lastReport: NIODeadline?
    /// What it earns at each turn.
    var share = WeightedRoundRobin.meanShare
    var credit = 0
  }

  /// The share of a host with the mean weight: fine enough for the smallest.
  private static let meanShare = 10_000
  /// Of the mean.
  private static let ratios = 0.01...10.0
  private static let shortestUpdatePeriod = TimeAmount.milliseconds(100)

  private let blackout: TimeAmount
  private let expiration: TimeAmount
  private let updatePeriod: TimeAmount
  private let errorPenalty: Double
  private var hosts: [Host] = []
  /// When shares were made of the weights; nil when they have to be.
  private var lastUpdate: NIODeadline?

  package init(policy: WeightedRoundRobinPolicy) {
    policy.check()
    self.blackout = TimeAmount(policy.blackoutPeriod)
    self.expiration = TimeAmount(policy.weightExpirationPeriod)
    self.updatePeriod = max(TimeAmount(policy.weightUpdatePeriod), Self.shortestUpdatePeriod)
    self.errorPenalty = policy.errorUtilizationPenalty
  }

  /// The list of hosts has changed.
  ///
  /// - Parameter old: for each host of the new list its position in the old one, nil for a new host.
  package mutating func replaceHosts(_ old: [Int?]) {
    self.hosts = old.map { position in position.map { self.hosts[$0] } ?? Host() }
    self.lastUpdate = nil
  }

  package mutating func heard(_ report: LoadReport, at position: Int, now: NIODeadline) {
    guard let weight = self.weight(of: report) else { return }
    if let last = self.hosts[position].lastReport, now - last >= self.expiration {
      self.forget(position)
    }
    self.hosts[position].reported = weight
    self.hosts[position].firstReport = self.hosts[position].firstReport ?? now
    self.hosts[position].lastReport = now
  }

  /// Whoever is there when it is back may be another.
  package mutating func forget(_ position: Int) {
    self.hosts[position].firstReport = nil
    self.hosts[position].lastReport = nil
  }

  /// Requests per second for a utilization of 1; nil when there is none that counts now.
  package func weight(_ position: Int, now: NIODeadline) -> Double? {
    let host = self.hosts[position]
    guard let first = host.firstReport, let last = host.lastReport,
      now - last < self.expiration, now - first >= self.blackout
    else { return nil }
    return host.reported
  }

  /// - Parameters:
  ///   - candidates: one or more, in ascending order.
  ///   - turn: of those with equal credit the first after this position has it.
  package mutating func choose(_ candidates: [Int], after turn: Int, now: NIODeadline) -> Int {
    if self.lastUpdate.map({ now - $0 >= self.updatePeriod }) ?? true { self.update(now: now) }
    let start = candidates.firstIndex { $0 > turn } ?? 0
    var richest = candidates[start]
    var earned = 0
    for position in candidates[start...] + candidates[..<start] {
      let share = self.hosts[position].share
      self.hosts[position].credit += share
      earned += share
      if self.hosts[position].credit > self.hosts[richest].credit { richest = position }
    }
    self.hosts[richest].credit -= earned
    return richest
  }

  private mutating func update(now: NIODeadline) {
    self.lastUpdate = now
    let weights = self.hosts.indices.map { self.weight($0, now: now) }
    let known = weights.compactMap(\.self)
    // Of one alone this is its own: then all are equal, as they are without any.
    let mean = known.reduce(0, +) / Double(known.count)
    for (position, weight) in weights.enumerated() {
      let ratio = weight.map { min(max($0 / mean, Self.ratios.lowerBound), Self.ratios.upperBound) }
      self.hosts[position].share = Int((Double(Self.meanShare) * (ratio ?? 1)).rounded())
    }
  }

  private func weight(of report: LoadReport) -> Double? {
    let application = report.applicationUtilization ?? 0
    let utilization = application > 0 ? application : report.cpuUtilization ?? 0
    guard let rate = report.requestsPerSecond, rate > 0, utilization > 0 else { return nil }
    let errors = (report.errorsPerSecond ?? 0) / rate
    let weight = rate / (utilization + errors * self.errorPenalty)
    return weight > 0 && weight.isFinite ? weight : nil
  }
}
