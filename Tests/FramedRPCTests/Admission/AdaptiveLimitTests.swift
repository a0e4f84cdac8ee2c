import FramedRPC
import NIOCore
import Testing

/// A server that does `capacity` calls at once in `serviceTime` each, and more of them more slowly;
/// its callers always have as many calls waiting as are let in, but for `offered`. In virtual time.
private struct ModelServer {
  var limit: AdaptiveLimit
  var capacity: Int
  var serviceTime: TimeAmount
  private(set) var now = NIODeadline.uptimeNanoseconds(0)
  /// When each call began, the oldest first.
  private var running: [NIODeadline] = []

  init(_ policy: AdaptiveLimitPolicy, capacity: Int, serviceTime: TimeAmount) {
    self.limit = AdaptiveLimit(policy: policy, now: .uptimeNanoseconds(0))
    self.capacity = capacity
    self.serviceTime = serviceTime
  }

  /// - Parameter offered: calls at once that the callers would make.
  mutating func run(for time: TimeAmount, offered: Int) {
    let end = self.now + time
    while self.now < end {
      while self.running.count < min(self.limit.limit, offered) {
        self.running.append(self.now)
        self.limit.began(inFlight: self.running.count)
      }
      // Processor sharing: one call ends every serviceTime / capacity, or, when there are fewer,
      // each of them after its service time.
      let sharers = min(self.running.count, self.capacity)
      self.now = self.now + .nanoseconds(self.serviceTime.nanoseconds / Int64(sharers))
      let began = self.running.removeFirst()
      self.limit.ended(began: began, inFlight: self.running.count, now: self.now)
    }
  }
}

@Suite("Adaptive limit: Gradient2 in virtual time")
struct AdaptiveLimitTests {
  private static let policy = AdaptiveLimitPolicy(initial: 64, min: 4, max: 1000)

  @Test("under full load the limit settles near what the server can do at once")
  func settles() {
    for capacity in [16, 48, 160] {
      var server = ModelServer(Self.policy, capacity: capacity, serviceTime: .milliseconds(20))
      server.run(for: .seconds(2), offered: capacity / 2)
      server.run(for: .seconds(20), offered: 10_000)
      // The tolerance of 1.5, and the allowance for a queue.
      #expect(
        (capacity...(3 * capacity)).contains(server.limit.limit),
        "capacity \(capacity): \(server.limit.limit)")
    }
  }

  @Test("the limit falls when the latency rises, and recovers when it falls again")
  func fallsAndRecovers() {
    var server = ModelServer(Self.policy, capacity: 100, serviceTime: .milliseconds(20))
    server.run(for: .seconds(2), offered: 40)
    server.run(for: .seconds(20), offered: 10_000)
    let healthy = server.limit.limit
    server.capacity = 10
    server.run(for: .seconds(5), offered: 10_000)
    let sick = server.limit.limit
    #expect(sick < healthy / 3)
    server.capacity = 100
    server.run(for: .seconds(15), offered: 10_000)
    #expect(server.limit.limit > healthy * 3 / 4, "\(healthy), \(sick), \(server.limit.limit)")
  }

  @Test("lasting overload never becomes normal")
  func doesNotDrift() {
    var server = ModelServer(Self.policy, capacity: 20, serviceTime: .milliseconds(20))
    server.run(for: .seconds(2), offered: 10)
    for _ in 0..<10 {
      server.run(for: .seconds(37), offered: 10_000)
      // The lower half of it is for the moments in which it is measured.
      #expect((15...50).contains(server.limit.limit), "\(server.limit.limit)")
    }
  }

  @Test("a server that starts into a stampede finds its no-load service time")
  func startsOverloaded() throws {
    var server = ModelServer(
      AdaptiveLimitPolicy(initial: 512, min: 4, max: 1000), capacity: 20,
      serviceTime: .milliseconds(2))
    server.run(for: .seconds(24), offered: 10_000)
    #expect(server.limit.limit < 60, "\(server.limit.limit)")
    #expect(try #require(server.limit.noLoad) < 4e6)
  }

  @Test("calls that have become dearer are the new normal after a measurement at the latest")
  func dearerCalls() {
    var server = ModelServer(Self.policy, capacity: 50, serviceTime: .milliseconds(5))
    server.run(for: .seconds(2), offered: 20)
    server.run(for: .seconds(20), offered: 10_000)
    server.serviceTime = .milliseconds(100)
    server.run(for: .minutes(3), offered: 10_000)
    #expect(server.limit.limit >= 50, "\(server.limit.limit)")
  }

  @Test("few calls say nothing about the limit: it stays")
  func appLimited() {
    var server = ModelServer(Self.policy, capacity: 100, serviceTime: .milliseconds(10))
    server.run(for: .seconds(10), offered: 5)
    #expect(server.limit.limit == 64)
    server.serviceTime = .milliseconds(50)
    server.run(for: .seconds(60), offered: 5)
    #expect(server.limit.limit == 64)
  }

  @Test("the limit keeps to its bounds")
  func bounds() {
    var server = ModelServer(
      AdaptiveLimitPolicy(initial: 10, min: 8, max: 12, remeasureInterval: .seconds(3600)),
      capacity: 1000, serviceTime: .milliseconds(5))
    server.run(for: .seconds(20), offered: 10_000)
    #expect(server.limit.limit == 12)
    server.capacity = 1
    server.run(for: .seconds(20), offered: 10_000)
    #expect(server.limit.limit == 8)
  }
}
