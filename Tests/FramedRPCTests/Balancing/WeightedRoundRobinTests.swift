import FramedRPC
import NIOCore
import Testing

/// A report of a server that does so many requests a second at this utilization.
private func report(_ rate: Double, at utilization: Double, errors: Double? = nil) -> LoadReport {
  LoadReport(
    applicationUtilization: utilization, requestsPerSecond: rate, errorsPerSecond: errors)
}

@Suite("Turns by weight")
struct WeightedRoundRobinTests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)
  private static let atOnce = WeightedRoundRobinPolicy(blackoutPeriod: .zero)

  /// Hosts whose reports came at the start; nil for one without.
  private static func turns(
    _ reports: [LoadReport?], _ policy: WeightedRoundRobinPolicy = WeightedRoundRobinTests.atOnce
  ) -> WeightedRoundRobin {
    var turns = WeightedRoundRobin(policy: policy)
    turns.replaceHosts(reports.map { _ in nil })
    for (position, report) in reports.enumerated() {
      if let report { turns.heard(report, at: position, now: Self.start) }
    }
    return turns
  }

  /// Who gets so many calls, each to be sent to one of `candidates`.
  private static func choices(
    _ turns: inout WeightedRoundRobin, _ calls: Int, of candidates: [Int],
    now: NIODeadline = WeightedRoundRobinTests.start
  ) -> [Int] {
    (0..<calls).map { _ in turns.choose(candidates, after: candidates.count - 1, now: now) }
  }

  private static func counts(
    _ turns: inout WeightedRoundRobin, _ calls: Int, of candidates: [Int],
    now: NIODeadline = WeightedRoundRobinTests.start
  ) -> [Int] {
    let choices = Self.choices(&turns, calls, of: candidates, now: now)
    return candidates.map { candidate in choices.count { $0 == candidate } }
  }

  @Test(
    "requests over utilization and the penalty of errors",
    arguments: [
      (report(100, at: 0.25), 1, 400), (report(100, at: 0.25, errors: 0), 1, 400),
      // 100 / (0.25 + 25/100 × 1), × 3, and not at all.
      (report(100, at: 0.25, errors: 25), 1, 200), (report(100, at: 0.25, errors: 25), 3, 100),
      (report(100, at: 0.25, errors: 25), 0, 400),
      (report(100, at: 2), 1, 50),
      (LoadReport(cpuUtilization: 0.5, requestsPerSecond: 10), 1, 20),
      (LoadReport(cpuUtilization: 0.5, applicationUtilization: 0, requestsPerSecond: 10), 1, 20),
      (LoadReport(cpuUtilization: 0.5, applicationUtilization: 1, requestsPerSecond: 10), 1, 10),
      (report(0, at: 0.25), 1, nil), (report(100, at: 0), 1, nil),
      (report(100, at: 0, errors: 100), 1, nil), (LoadReport(cpuUtilization: 0.5), 1, nil),
      (LoadReport(memoryUtilization: 0.5, requestsPerSecond: 10), 1, nil),
      (report(1e300, at: 1e-300), 1, nil), (report(1e-300, at: 1e300), 1, nil),
    ] as [(LoadReport, Double, Double?)])
  func weights(_ report: LoadReport, _ penalty: Double, _ weight: Double?) {
    let turns = Self.turns(
      [report], WeightedRoundRobinPolicy(blackoutPeriod: .zero, errorUtilizationPenalty: penalty))
    #expect(turns.weight(0, now: Self.start) == weight)
  }

  @Test("a weight counts when its host has reported for the blackout period")
  func blackout() {
    var turns = Self.turns([report(100, at: 0.25)], WeightedRoundRobinPolicy())
    turns.heard(report(100, at: 0.5), at: 0, now: Self.start + .seconds(9))
    #expect(turns.weight(0, now: Self.start + .nanoseconds(9_999_999_999)) == nil)
    #expect(turns.weight(0, now: Self.start + .seconds(10)) == 200)
    turns.heard(LoadReport(), at: 0, now: Self.start + .seconds(10))
    #expect(turns.weight(0, now: Self.start + .seconds(10)) == 200, "it said nothing")
    turns.forget(0)
    turns.heard(report(100, at: 0.5), at: 0, now: Self.start + .seconds(11))
    #expect(turns.weight(0, now: Self.start + .seconds(20)) == nil)
    #expect(turns.weight(0, now: Self.start + .seconds(21)) == 200)
  }

  @Test("a weight expires without reports, and the next ones are of a new host")
  func expiry() {
    var turns = Self.turns([report(100, at: 0.25)], WeightedRoundRobinPolicy())
    let last = Self.start + .seconds(60)
    turns.heard(report(100, at: 0.25), at: 0, now: last)
    #expect(turns.weight(0, now: last + .seconds(179)) == 400)
    #expect(turns.weight(0, now: last + .seconds(180)) == nil)
    let next = last + .seconds(180)
    turns.heard(report(100, at: 0.5), at: 0, now: next)
    #expect(turns.weight(0, now: next + .seconds(9)) == nil)
    #expect(turns.weight(0, now: next + .seconds(10)) == 200)
  }

  @Test("calls are in proportion to the weights, one by one and without long runs")
  func proportions() {
    var two = Self.turns([report(100, at: 0.25), report(100, at: 0.75)])
    #expect(Self.choices(&two, 8, of: [0, 1]) == [0, 0, 1, 0, 0, 0, 1, 0])
    #expect(Self.counts(&two, 400, of: [0, 1]) == [300, 100])
    // The example of nginx.
    var three = Self.turns([report(5, at: 1), report(1, at: 1), report(1, at: 1)])
    #expect(Self.choices(&three, 7, of: [0, 1, 2]) == [0, 0, 1, 0, 2, 0, 0])
  }

  @Test("without a usable weight a host has the mean")
  func mean() {
    var turns = Self.turns([report(300, at: 1), report(100, at: 1), nil])
    #expect(Self.counts(&turns, 60, of: [0, 1, 2]) == [30, 10, 20])
  }

  @Test(
    "below two usable weights it is round robin",
    arguments: [nil, report(100, at: 0.01)] as [LoadReport?])
  func fallback(_ only: LoadReport?) {
    var turns = Self.turns([nil, only, nil])
    #expect(Self.choices(&turns, 6, of: [0, 1, 2]) == [0, 1, 2, 0, 1, 2])
    #expect(turns.choose([0, 1, 2], after: 0, now: Self.start) == 1)
  }

  @Test("equal weights are round robin, whatever they are")
  func equal() {
    var turns = Self.turns(Array(repeating: report(97, at: 0.3), count: 3))
    #expect(
      Self.choices(&turns, 3_000, of: [0, 1, 2])
        == (0..<1_000).flatMap { _ in [0, 1, 2] })
  }

  @Test("nobody is left without calls, and nobody has all")
  func bounds() {
    var turns = Self.turns([report(1e9, at: 1), report(1, at: 1)])
    #expect(Self.counts(&turns, 201, of: [0, 1]) == [200, 1])
    var many = Self.turns([report(1e9, at: 1)] + Array(repeating: report(1, at: 1), count: 99))
    #expect(Self.counts(&many, 1_099, of: Array(0..<100)).max() == 1_000)
  }

  @Test("new reports are looked at each update period, but not more often than each 100 ms")
  func updates() {
    for (period, milliseconds) in [(Duration.seconds(1), Int64(1_000)), (.zero, 100)] {
      var turns = Self.turns(
        [report(300, at: 1), report(100, at: 1)],
        WeightedRoundRobinPolicy(blackoutPeriod: .zero, weightUpdatePeriod: period))
      #expect(Self.counts(&turns, 40, of: [0, 1]) == [30, 10])
      turns.heard(report(100, at: 1), at: 0, now: Self.start)
      turns.heard(report(300, at: 1), at: 1, now: Self.start)
      let before = Self.start + .milliseconds(milliseconds - 1)
      #expect(Self.counts(&turns, 40, of: [0, 1], now: before) == [30, 10])
      let after = Self.start + .milliseconds(milliseconds)
      #expect(Self.counts(&turns, 40, of: [0, 1], now: after) == [10, 30])
    }
  }

  @Test("those that can get a call share it, whoever they are")
  func subsets() {
    var turns = Self.turns([report(300, at: 1), report(100, at: 1), report(200, at: 1)])
    #expect(Self.counts(&turns, 40, of: [0, 1]) == [30, 10])
    #expect(Self.counts(&turns, 30, of: [1, 2]) == [10, 20])
    #expect(Self.counts(&turns, 60, of: [0, 1, 2]) == [30, 10, 20])
  }

  @Test("a new list keeps the weights of those that stay")
  func newList() {
    var turns = Self.turns([report(300, at: 1), report(100, at: 1), report(200, at: 1)])
    _ = Self.choices(&turns, 3, of: [0, 1, 2])
    turns.replaceHosts([2, nil, 0])
    #expect((0..<3).map { turns.weight($0, now: Self.start) } == [200, nil, 300])
  }
}

/// The policy within the state machine that also knows who is broken and who is left out.
@Suite("Turns by weight among endpoints that break and fail")
struct WeightedBalancerTests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private typealias Balancer = BalancerState<Int>

  private static func balancer(
    rates: [Double], outliers: OutlierPolicy? = nil, seed: UInt64 = 1
  ) -> Balancer {
    var balancer = Balancer(
      balancing: .weightedRoundRobin(WeightedRoundRobinPolicy(blackoutPeriod: .zero)),
      outliers: outliers, random: SeededRandom(seed), now: Self.start)
    _ = balancer.update(
      rates.indices.map { ScriptedEndpoints.address($0 + 1) }, now: Self.start
    ) { address in
      if case .tcp(_, let port) = address { port } else { 0 }
    }
    for (endpoint, rate) in zip(balancer.endpoints, rates) where rate > 0 {
      balancer.heard(report(rate, at: 1), from: endpoint.id, now: Self.start)
    }
    return balancer
  }

  private static func counts(
    _ balancer: inout Balancer, _ calls: Int, now: NIODeadline = WeightedBalancerTests.start
  ) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for _ in 0..<calls {
      guard let pick = balancer.pick(now: now) else { continue }
      counts[pick.channel, default: 0] += 1
      _ = balancer.ended(pick, as: .success, now: now)
    }
    return counts
  }

  @Test("a broken endpoint gets nothing, and comes back without a weight")
  func broken() {
    var balancer = Self.balancer(rates: [300, 100, 300])
    let id = balancer.endpoints[0].id
    _ = balancer.mark(id, as: .broken)
    #expect(Self.counts(&balancer, 40) == [2: 10, 3: 30])
    #expect(balancer.weight(0, now: Self.start) == nil)
    _ = balancer.mark(id, as: .reachable)
    // The mean of 100 and 300.
    let later = Self.start + .seconds(1)
    #expect(Self.counts(&balancer, 60, now: later) == [1: 20, 2: 10, 3: 30])
    balancer.heard(report(800, at: 1), from: id, now: later)
    #expect(Self.counts(&balancer, 60, now: later + .seconds(1)) == [1: 40, 2: 5, 3: 15])
  }

  @Test("who is left out for failing gets nothing, and keeps its weight")
  func ejected() throws {
    var balancer = Self.balancer(
      rates: [300, 100, 200], outliers: OutlierPolicy(failuresInARow: 1))
    let first = balancer.pick(now: Self.start)
    let pick = try #require(first)
    #expect(pick.channel == 1, "the heaviest comes first")
    _ = balancer.ended(pick, as: .failure, now: Self.start)
    #expect(Self.counts(&balancer, 30) == [2: 10, 3: 20])
    let over = Self.start + .seconds(30)
    #expect(balancer.weight(0, now: over) == 300)
    // One call of the first six is the failed one, before it was left out.
    #expect(Self.counts(&balancer, 5, now: over) == [1: 2, 2: 1, 3: 2])
    #expect(Self.counts(&balancer, 60, now: over) == [1: 30, 2: 10, 3: 20])
  }

  @Test("reports of an endpoint that is gone change nothing")
  func gone() {
    var balancer = Self.balancer(rates: [300, 100])
    let id = balancer.endpoints[0].id
    _ = balancer.update([ScriptedEndpoints.address(2)], now: Self.start) { _ in 0 }
    balancer.heard(report(7, at: 1), from: id, now: Self.start)
    #expect(balancer.weight(0, now: Self.start) == 100)
  }

  @Test("other policies have no weights")
  func others() {
    var balancer = Balancer(
      balancing: .roundRobin, outliers: nil, random: SeededRandom(1), now: Self.start)
    _ = balancer.update([1, 2].map(ScriptedEndpoints.address), now: Self.start) { _ in 0 }
    balancer.heard(report(7, at: 1), from: balancer.endpoints[0].id, now: Self.start)
    #expect(balancer.weight(0, now: Self.start) == nil)
  }

  @Test("clients that start together do not all begin at the same endpoint")
  func beginnings() {
    let first = (UInt64(1)...40).map { seed in
      var balancer = Self.balancer(rates: [0, 0, 0], seed: seed)
      return balancer.pick(now: Self.start)?.channel
    }
    #expect(Set(first) == [1, 2, 3])
  }
}
