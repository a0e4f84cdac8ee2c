package import NIOCore

/// Which endpoints there are, how they fare, and who gets the next call: a state machine that only
/// decides. `Channel` is what the shell around it keeps for each endpoint.
package struct BalancerState<Channel: Sendable>: Sendable {
  /// One endpoint for as long as the resolver names it.
  package typealias EndpointID = Int

  package enum Reachability: Hashable, Sendable {
    /// Not tried yet.
    case unknown
    case reachable
    /// A call did not get there; somebody is asking whether it is back.
    case broken
  }

  package struct Endpoint: Sendable {
    package let id: EndpointID
    package let address: RPCAddress
    package let channel: Channel
    package fileprivate(set) var reachability = Reachability.unknown
    /// Calls that began before say nothing of whether it is back.
    fileprivate var brokenSince = NIODeadline.uptimeNanoseconds(0)
    package fileprivate(set) var load: PeakEWMA
    package fileprivate(set) var calls = 0
    package fileprivate(set) var failures = 0
  }

  /// Where a call goes; given back when it has ended.
  package struct Pick: Sendable {
    package let id: EndpointID
    package let channel: Channel
    /// Whether there are other endpoints.
    package let hasOthers: Bool
    fileprivate let position: Int
    package let began: NIODeadline
  }

  private let balancing: BalancingPolicy
  private var random: any RandomNumberGenerator & Sendable
  private var outliers: OutlierDetector
  /// nil for other policies.
  private var weights: WeightedRoundRobin?
  package private(set) var endpoints: [Endpoint] = []
  private var lastID = 0
  /// For taking turns: who had the last one; with weights, after whom equal ones begin.
  private var turn = 0

  package init(
    balancing: BalancingPolicy, outliers: OutlierPolicy?,
    random: any RandomNumberGenerator & Sendable, now: NIODeadline
  ) {
    self.balancing = balancing
    self.outliers = OutlierDetector(policy: outliers, now: now)
    self.random = random
    if case .weightedRoundRobin(let policy) = balancing {
      self.weights = WeightedRoundRobin(policy: policy)
    }
  }

  package var ejections: Int { self.outliers.ejections }

  /// Random, 0..<1.
  package mutating func jitter() -> Double {
    Double(self.random.next() >> 11) * 0x1p-53
  }

  // MARK: endpoints

  /// The resolver named these, in this order.
  ///
  /// - Returns: the channels of those that are gone.
  package mutating func update(
    _ addresses: [RPCAddress], now: NIODeadline, make: (RPCAddress) -> Channel
  ) -> [Endpoint] {
    let old = self.endpoints
    let positions = Dictionary(uniqueKeysWithValues: zip(old.map(\.address), old.indices))
    let isFirst = old.isEmpty
    var seen: Set<RPCAddress> = []
    var kept: [Int?] = []
    self.endpoints = addresses.filter { seen.insert($0).inserted }.map { address in
      kept.append(positions[address])
      if let position = positions[address] { return old[position] }
      self.lastID += 1
      return Endpoint(
        id: self.lastID, address: address, channel: make(address), load: PeakEWMA(now: now))
    }
    self.outliers.replaceHosts(kept)
    self.weights?.replaceHosts(kept)
    if isFirst, !self.endpoints.isEmpty {
      // Many clients that start together do not all begin at the same server.
      self.turn = Int.random(in: self.endpoints.indices, using: &self.random)
    }
    return old.filter { !seen.contains($0.address) }
  }

  /// - Returns: whether it is news.
  package mutating func mark(_ id: EndpointID, as reachability: Reachability) -> Bool {
    guard let position = self.endpoints.firstIndex(where: { $0.id == id }),
      self.endpoints[position].reachability != reachability
    else { return false }
    if reachability == .broken {
      self.weights?.forget(position)
    } else {
      self.endpoints[position].load.forget()
    }
    self.endpoints[position].reachability = reachability
    return true
  }

  /// A server said how busy it is.
  package mutating func heard(_ report: LoadReport, from id: EndpointID, now: NIODeadline) {
    guard let position = self.endpoints.firstIndex(where: { $0.id == id }) else { return }
    self.weights?.heard(report, at: position, now: now)
  }

  /// nil when it has none that counts, or the policy has no weights.
  package func weight(_ position: Int, now: NIODeadline) -> Double? {
    self.weights?.weight(position, now: now)
  }

  package func ejectedUntil(_ position: Int, now: NIODeadline) -> NIODeadline? {
    self.outliers.ejectedUntil(position, now: now)
  }

  package var hasUnbroken: Bool {
    self.endpoints.contains { $0.reachability != .broken }
  }

  package func hasUnbroken(otherThan tried: [EndpointID]) -> Bool {
    self.endpoints.contains { $0.reachability != .broken && !tried.contains($0.id) }
  }

  // MARK: picking

  /// An endpoint for the next call; nil when there is none.
  ///
  /// Those that are neither broken nor left out come first, among them those not in `tried`; then
  /// those that are left out; then, since nobody else is there, the broken ones.
  ///
  /// - Parameter mustBeNew: none of `tried` will do.
  package mutating func pick(
    now: NIODeadline, tried: [EndpointID] = [], mustBeNew: Bool = false
  ) -> Pick? {
    guard let position = self.position(now: now, tried: tried, mustBeNew: mustBeNew) else {
      return nil
    }
    self.endpoints[position].load.began()
    self.endpoints[position].calls += 1
    let endpoint = self.endpoints[position]
    return Pick(
      id: endpoint.id, channel: endpoint.channel, hasOthers: self.endpoints.count > 1,
      position: position, began: now)
  }

  /// The call has ended.
  ///
  /// - Returns: what it found out of the endpoint, if that is news: it is broken, or no longer.
  package mutating func ended(
    _ pick: Pick, as outcome: EndpointOutcome, isStream: Bool = false, now: NIODeadline
  ) -> Reachability? {
    var position = pick.position
    if !self.endpoints.indices.contains(position) || self.endpoints[position].id != pick.id {
      guard let moved = self.endpoints.firstIndex(where: { $0.id == pick.id }) else {
        return nil
      }
      position = moved
    }
    let wasBroken = self.endpoints[position].reachability == .broken
    let isBack =
      wasBroken && outcome == .success && pick.began >= self.endpoints[position].brokenSince
    if isBack { self.endpoints[position].load.forget() }
    self.endpoints[position].load.ended(
      took: isStream ? nil : now - pick.began, as: outcome, now: now)
    switch outcome {
    case .success:
      // A server that leaves still answers what it has begun.
      if !wasBroken || isBack { self.endpoints[position].reachability = .reachable }
      self.outliers.record(isFailure: false, at: position, now: now)
      return isBack ? .reachable : nil
    case .failure, .lost:
      self.endpoints[position].failures += 1
      self.outliers.record(isFailure: true, at: position, now: now)
      return outcome == .lost ? self.breaks(position, now) : nil
    case .overload:
      self.endpoints[position].failures += 1
      return nil
    case .unreachable:
      self.endpoints[position].failures += 1
      return self.breaks(position, now)
    // It has waited for the connection all the time, unless there is one.
    case .unsent:
      return self.endpoints[position].reachability == .unknown ? self.breaks(position, now) : nil
    case .abandoned: return nil
    }
  }

  private mutating func breaks(_ position: Int, _ now: NIODeadline) -> Reachability? {
    guard self.mark(self.endpoints[position].id, as: .broken) else { return nil }
    self.endpoints[position].brokenSince = now
    return .broken
  }

  private mutating func position(
    now: NIODeadline, tried: [EndpointID], mustBeNew: Bool
  ) -> Int? {
    guard self.endpoints.count > 1 else {
      guard let only = self.endpoints.first else { return nil }
      return mustBeNew && tried.contains(only.id) ? nil : 0
    }
    if case .leastLoaded = self.balancing, let position = self.twoChoices(now: now, tried: tried) {
      return position
    }
    let all = self.endpoints.indices.filter {
      !mustBeNew || !tried.contains(self.endpoints[$0].id)
    }
    let fine = all.filter { self.isFine($0, now: now) }
    let new = fine.filter { !tried.contains(self.endpoints[$0].id) }
    if let choice = self.choose(new, now: now) ?? self.choose(fine, now: now) { return choice }
    let unbroken = all.filter { self.endpoints[$0].reachability != .broken }
    return self.choose(unbroken, now: now) ?? self.choose(all, now: now)
  }

  private func isFine(_ position: Int, now: NIODeadline) -> Bool {
    self.endpoints[position].reachability != .broken
      && !self.outliers.isEjected(position, now: now)
  }

  /// The usual case without a list: two at random, both fine.
  private mutating func twoChoices(now: NIODeadline, tried: [EndpointID]) -> Int? {
    let one = Int.random(in: self.endpoints.indices, using: &self.random)
    var other = Int.random(in: 0..<self.endpoints.count - 1, using: &self.random)
    if other >= one { other += 1 }
    guard self.isFine(one, now: now), self.isFine(other, now: now),
      !tried.contains(self.endpoints[one].id), !tried.contains(self.endpoints[other].id)
    else { return nil }
    return self.lessLoaded(one, other, now: now)
  }

  private func lessLoaded(_ one: Int, _ other: Int, now: NIODeadline) -> Int {
    self.endpoints[one].load.load(now: now) <= self.endpoints[other].load.load(now: now)
      ? one : other
  }

  /// - Parameter candidates: in ascending order.
  private mutating func choose(_ candidates: [Int], now: NIODeadline) -> Int? {
    guard let first = candidates.first, candidates.count > 1 else { return candidates.first }
    switch self.balancing {
    case .pickFirst: return first
    case .roundRobin:
      let next = candidates.first { $0 > self.turn } ?? first
      self.turn = next
      return next
    case .leastLoaded:
      let one = Int.random(in: candidates.indices, using: &self.random)
      var other = Int.random(in: 0..<candidates.count - 1, using: &self.random)
      if other >= one { other += 1 }
      return self.lessLoaded(candidates[one], candidates[other], now: now)
    case .weightedRoundRobin: return self.weights?.choose(candidates, after: self.turn, now: now)
    }
  }
}
