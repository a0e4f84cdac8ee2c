import FramedRPC
import NIOCore
import Testing

@Suite("Load of an endpoint")
struct PeakEWMATests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private static func ended(
    _ load: inout PeakEWMA, took milliseconds: Int64, as outcome: EndpointOutcome = .success,
    now: NIODeadline = PeakEWMATests.start
  ) {
    load.began()
    load.ended(took: .milliseconds(milliseconds), as: outcome, now: now)
  }

  private static func milliseconds(_ load: PeakEWMA, now: NIODeadline = PeakEWMATests.start)
    -> Double
  {
    load.latency(now: now) / 1e6
  }

  @Test("a peak counts at once, and sinks to 1/e in the decay time")
  func peak() {
    var load = PeakEWMA(now: Self.start)
    Self.ended(&load, took: 10)
    Self.ended(&load, took: 500)
    #expect(Self.milliseconds(load) == 500)
    let later = Self.start + PeakEWMA.decay
    #expect(abs(Self.milliseconds(load, now: later) - 183.94) < 0.01)
    // 500 × e^-1 + 10 × (1 - e^-1)
    Self.ended(&load, took: 10, now: later)
    #expect(abs(Self.milliseconds(load, now: later) - 190.26) < 0.01)
  }

  @Test("load is latency times the calls in flight and one more")
  func inFlight() {
    var load = PeakEWMA(now: Self.start)
    Self.ended(&load, took: 10)
    load.began()
    load.began()
    #expect(load.load(now: Self.start) == 30e6)
  }

  @Test("one that has been asked and has not answered is more loaded than any other")
  func unknown() {
    var load = PeakEWMA(now: Self.start)
    #expect(load.load(now: Self.start) == 0, "worth a try")
    load.began()
    #expect(load.load(now: Self.start) > 1e14)
  }

  @Test("a failure counts as a second at least; who was left waiting saw a lower bound only")
  func outcomes() {
    for outcome in [EndpointOutcome.failure, .lost, .overload] {
      var load = PeakEWMA(now: Self.start)
      Self.ended(&load, took: 1, as: outcome)
      #expect(Self.milliseconds(load) == 1000, "\(outcome)")
    }
    var load = PeakEWMA(now: Self.start)
    Self.ended(&load, took: 50)
    Self.ended(&load, took: 1, as: .unreachable)
    #expect(Self.milliseconds(load) == 50, "it has not been asked")
    Self.ended(&load, took: 20, as: .abandoned, now: Self.start + .seconds(1))
    #expect(Self.milliseconds(load) == 50)
    Self.ended(&load, took: 80, as: .abandoned)
    #expect(Self.milliseconds(load) == 80)
    #expect(load.inFlight == 0)
  }

  @Test("a stream's length is no latency; its failure counts")
  func stream() {
    var load = PeakEWMA(now: Self.start)
    load.began()
    load.ended(took: nil, as: .success, now: Self.start)
    #expect(Self.milliseconds(load) == 0)
    load.began()
    load.ended(took: nil, as: .lost, now: Self.start)
    #expect(Self.milliseconds(load) == 1000)
  }
}

extension BalancerState {
  /// The macros of the tests take no call that changes what it is made on.
  fileprivate mutating func mustPick(now: NIODeadline, tried: [EndpointID] = []) throws -> Pick {
    let pick = self.pick(now: now, tried: tried)
    return try #require(pick)
  }
}

@Suite("Who gets the next call")
struct BalancerStateTests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private typealias Balancer = BalancerState<Int>

  private static func balancer(
    _ balancing: BalancingPolicy, of count: Int, outliers: OutlierPolicy? = nil, seed: UInt64 = 1
  ) -> Balancer {
    var balancer = Balancer(
      balancing: balancing, outliers: outliers, random: SeededRandom(seed), now: Self.start)
    _ = balancer.update((1...count).map(ScriptedEndpoints.address), now: Self.start) { address in
      if case .tcp(_, let port) = address { port } else { 0 }
    }
    return balancer
  }

  /// Calls in a steady stream: one a millisecond, each answered after its endpoint's latency.
  private static func run(
    _ balancer: inout Balancer, calls: Int, latency: (Int) -> Int64
  ) -> [Int: Int] {
    var counts: [Int: Int] = [:]
    var underWay: [(end: NIODeadline, pick: Balancer.Pick)] = []
    var now = Self.start
    for _ in 0..<calls {
      for call in underWay where call.end <= now {
        _ = balancer.ended(call.pick, as: .success, now: call.end)
      }
      underWay.removeAll { $0.end <= now }
      guard let pick = balancer.pick(now: now) else { continue }
      counts[pick.channel, default: 0] += 1
      underWay.append((now + .milliseconds(latency(pick.channel)), pick))
      now = now + .milliseconds(1)
    }
    return counts
  }

  @Test("round robin takes turns, and goes round the broken")
  func roundRobin() throws {
    var balancer = Self.balancer(.roundRobin, of: 3)
    let counts = Self.run(&balancer, calls: 300) { _ in 1 }
    #expect(counts == [1: 100, 2: 100, 3: 100])
    let broken = try #require(balancer.endpoints.first { $0.channel == 2 })
    _ = balancer.mark(broken.id, as: .broken)
    let without = Self.run(&balancer, calls: 300) { _ in 1 }
    #expect(without == [1: 150, 3: 150])
  }

  @Test("of equal endpoints the least loaded gets about as much as the others")
  func equal() {
    var balancer = Self.balancer(.leastLoaded, of: 4)
    let counts = Self.run(&balancer, calls: 4000) { _ in 20 }
    for endpoint in 1...4 {
      #expect((800...1200).contains(counts[endpoint] ?? 0), "\(counts)")
    }
  }

  @Test("two choices avoid the slow endpoint, round robin does not", arguments: [1, 2, 3, 4, 5])
  func slow(_ seed: UInt64) {
    func latency(_ endpoint: Int) -> Int64 { endpoint == 2 ? 200 : 5 }
    var balancer = Self.balancer(.leastLoaded, of: 4, seed: seed)
    let counts = Self.run(&balancer, calls: 4000, latency: latency)
    #expect(
      (1...80).contains(counts[2] ?? 0), "at most 2 % where its share would be 25 %: \(counts)")
    for endpoint in [1, 3, 4] { #expect((counts[endpoint] ?? 0) > 1000, "\(counts)") }
    var turns = Self.balancer(.roundRobin, of: 4, seed: seed)
    let inTurn = Self.run(&turns, calls: 4000, latency: latency)
    #expect(inTurn[2] == 1000)
  }

  @Test("an endpoint that fails fast does not draw the calls to itself")
  func failsFast() {
    var balancer = Self.balancer(.leastLoaded, of: 2)
    var counts: [Int: Int] = [:]
    var now = Self.start
    for _ in 0..<1000 {
      guard let pick = balancer.pick(now: now) else { continue }
      counts[pick.channel, default: 0] += 1
      now = now + .milliseconds(pick.channel == 1 ? 1 : 10)
      _ = balancer.ended(pick, as: pick.channel == 1 ? .failure : .success, now: now)
    }
    #expect((1...50).contains(counts[1] ?? 0), "\(counts)")
  }

  @Test("an endpoint that is back gets its share at once", arguments: [false, true])
  func isBack(_ byCall: Bool) throws {
    var balancer = Self.balancer(.leastLoaded, of: 2)
    for _ in 0..<10 {
      let pick = try balancer.mustPick(now: Self.start)
      _ = balancer.ended(pick, as: .success, now: Self.start + .milliseconds(5))
    }
    let lost = try balancer.mustPick(now: Self.start)
    let breaks = balancer.ended(lost, as: .lost, now: Self.start)
    #expect(breaks == .broken)
    let other = try balancer.mustPick(now: Self.start)
    #expect(other.id != lost.id)
    if byCall {
      let tried = balancer.pick(now: Self.start, tried: [other.id], mustBeNew: true)
      let pick = try #require(tried)
      let news = balancer.ended(pick, as: .success, now: Self.start + .milliseconds(5))
      #expect(news == .reachable)
    } else {
      let isNews = balancer.mark(lost.id, as: .reachable)
      #expect(isNews)
    }
    // A call in flight at the other one.
    let next = try balancer.mustPick(now: Self.start)
    #expect(next.id == lost.id)
  }

  @Test("what a server had begun before it was gone does not bring it back")
  func lateSuccess() throws {
    var balancer = Self.balancer(.pickFirst, of: 2)
    let old = try balancer.mustPick(now: Self.start)
    let refused = try balancer.mustPick(now: Self.start)
    let later = Self.start + .milliseconds(1)
    #expect(balancer.ended(refused, as: .unreachable, now: later) == .broken)
    #expect(balancer.ended(old, as: .success, now: later + .milliseconds(1)) == nil)
    #expect(balancer.endpoints[0].reachability == .broken)
    #expect(try balancer.mustPick(now: later + .milliseconds(1)).channel == 2)
  }

  @Test("pick-first stays with the first that is not broken")
  func pickFirst() throws {
    var balancer = Self.balancer(.pickFirst, of: 3)
    #expect(try balancer.mustPick(now: Self.start).channel == 1)
    _ = balancer.mark(balancer.endpoints[0].id, as: .broken)
    #expect(try balancer.mustPick(now: Self.start).channel == 2)
    _ = balancer.mark(balancer.endpoints[0].id, as: .reachable)
    #expect(try balancer.mustPick(now: Self.start).channel == 1)
  }

  @Test(
    "another endpoint than those tried, while there is one",
    arguments: [
      BalancingPolicy.roundRobin, .leastLoaded, .pickFirst, .weightedRoundRobin(),
    ])
  func tried(_ balancing: BalancingPolicy) throws {
    var balancer = Self.balancer(balancing, of: 3)
    for _ in 0..<20 {
      var tried: [Int] = []
      for _ in 0..<3 {
        let pick = try balancer.mustPick(now: Self.start, tried: tried)
        #expect(!tried.contains(pick.id))
        tried.append(pick.id)
      }
      _ = try balancer.mustPick(now: Self.start, tried: tried)
      let none = balancer.pick(now: Self.start, tried: tried, mustBeNew: true)
      #expect(none == nil)
    }
  }

  @Test(
    "when all are broken they are tried all the same",
    arguments: [
      BalancingPolicy.roundRobin, .leastLoaded, .pickFirst, .weightedRoundRobin(),
    ])
  func allBroken(_ balancing: BalancingPolicy) throws {
    var balancer = Self.balancer(balancing, of: 3)
    for endpoint in balancer.endpoints { _ = balancer.mark(endpoint.id, as: .broken) }
    #expect(!balancer.hasUnbroken)
    _ = try balancer.mustPick(now: Self.start)
  }

  @Test("a new list keeps what is known of those that stay, and gives back the others")
  func update() throws {
    var balancer = Self.balancer(.roundRobin, of: 3)
    let pick = try balancer.mustPick(now: Self.start)
    let stays = pick.channel
    let gone = balancer.update(
      [9, stays, stays].map(ScriptedEndpoints.address), now: Self.start
    ) { _ in 9 }
    #expect(Set(gone.map(\.channel)) == Set([1, 2, 3]).subtracting([stays]))
    #expect(balancer.endpoints.map(\.channel) == [9, stays])
    #expect(balancer.endpoints[1].load.inFlight == 1)
    let news = balancer.ended(pick, as: .success, now: Self.start)
    #expect(news == nil)
    #expect(balancer.endpoints[1].load.inFlight == 0)
    #expect(balancer.endpoints[1].reachability == .reachable)
  }

  @Test("who is left out gets no calls, unless all others are broken")
  func ejected() throws {
    var balancer = Self.balancer(
      .pickFirst, of: 2, outliers: OutlierPolicy(failuresInARow: 1))
    let pick = try balancer.mustPick(now: Self.start)
    let news = balancer.ended(pick, as: .failure, now: Self.start)
    #expect(news == nil, "it can be reached")
    #expect(try balancer.mustPick(now: Self.start).channel == 2)
    _ = balancer.mark(balancer.endpoints[1].id, as: .broken)
    #expect(try balancer.mustPick(now: Self.start).channel == 1)
    _ = balancer.mark(balancer.endpoints[1].id, as: .reachable)
    #expect(try balancer.mustPick(now: Self.start + .seconds(30)).channel == 1, "its time is over")
  }
}
