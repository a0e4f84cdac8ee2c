import FramedRPC
import NIOCore
import Testing

@Suite("Leaving out endpoints that fail")
struct OutlierDetectorTests {
  private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

  private static func detector(_ hosts: Int, _ policy: OutlierPolicy) -> OutlierDetector {
    var detector = OutlierDetector(policy: policy, now: Self.start)
    detector.replaceHosts([Int?](repeating: nil, count: hosts))
    return detector
  }

  private static func fail(
    _ detector: inout OutlierDetector, _ host: Int, times: Int = 1, now: NIODeadline = start
  ) {
    for _ in 0..<times { detector.record(isFailure: true, at: host, now: now) }
  }

  private static func ejected(_ detector: OutlierDetector, of hosts: Int, now: NIODeadline) -> [Int]
  {
    (0..<hosts).filter { detector.isEjected($0, now: now) }
  }

  @Test("five failures in a row, with no success between them")
  func inARow() {
    var detector = Self.detector(3, OutlierPolicy())
    Self.fail(&detector, 0, times: 4)
    detector.record(isFailure: false, at: 0, now: Self.start)
    Self.fail(&detector, 0, times: 4)
    #expect(!detector.isEjected(0, now: Self.start))
    Self.fail(&detector, 0)
    #expect(detector.isEjected(0, now: Self.start))
  }

  @Test(
    "never more than the share; one may always be, but not the only one",
    arguments: [(1, 0), (2, 1), (3, 1), (10, 1), (19, 1), (20, 2), (30, 3)])
  func cap(_ hosts: Int, _ most: Int) {
    var detector = Self.detector(hosts, OutlierPolicy())
    for host in 0..<hosts { Self.fail(&detector, host, times: 5) }
    #expect(Self.ejected(detector, of: hosts, now: Self.start).count == most)
  }

  @Test("the time grows with each time, up to its limit, and shrinks with quiet intervals")
  func time() throws {
    let policy = OutlierPolicy(
      interval: .seconds(10), baseEjectionTime: .seconds(30), maxEjectionTime: .seconds(70))
    var detector = Self.detector(2, policy)
    var now = Self.start
    // No call between: no interval is noticed to be quiet.
    for seconds: Int64 in [30, 60, 70, 70] {
      Self.fail(&detector, 0, times: 5, now: now)
      #expect(detector.ejectedUntil(0, now: now) == now + .seconds(seconds))
      // Still left out when the intervals are looked at, so that none counts as quiet.
      detector.record(isFailure: false, at: 1, now: now + .seconds(seconds) - .nanoseconds(1))
      now = now + .seconds(seconds)
    }
    #expect(!detector.isEjected(0, now: now))
    now = now + .seconds(100)
    detector.record(isFailure: false, at: 1, now: now)
    Self.fail(&detector, 0, times: 5, now: now)
    #expect(detector.ejectedUntil(0, now: now) == now + .seconds(30), "all is forgiven")
    #expect(detector.ejections == 5)
  }

  @Test("by its share of failures, once an interval, with enough calls and hosts")
  func failureShare() {
    let policy = OutlierPolicy(
      failuresInARow: nil, successRate: nil,
      failureShare: .init(threshold: 0.5, minimumHosts: 3, minimumCalls: 10))
    let end = Self.start + .seconds(10)
    func ejected(hosts: Int, failures: Int, successes: Int) -> [Int] {
      var detector = Self.detector(hosts, policy)
      Self.fail(&detector, 0, times: failures)
      for _ in 0..<successes { detector.record(isFailure: false, at: 0, now: Self.start) }
      #expect(Self.ejected(detector, of: hosts, now: Self.start).isEmpty, "not before its time")
      detector.record(isFailure: false, at: 1, now: end)
      return Self.ejected(detector, of: hosts, now: end)
    }
    #expect(ejected(hosts: 3, failures: 6, successes: 4) == [0])
    #expect(ejected(hosts: 3, failures: 5, successes: 5) == [], "not above the threshold")
    #expect(ejected(hosts: 3, failures: 9, successes: 0) == [], "too few calls")
    #expect(ejected(hosts: 2, failures: 10, successes: 0) == [], "too few hosts")
  }

  @Test("by the distance of its success rate from the mean")
  func successRate() {
    let policy = OutlierPolicy(
      maxEjectedShare: 0.5, failuresInARow: nil,
      successRate: .init(deviations: 1.9, minimumHosts: 5, minimumCalls: 100), failureShare: nil)
    func ejected(hosts: Int, successes: [Int]) -> [Int] {
      var detector = Self.detector(hosts, policy)
      for (host, successes) in successes.enumerated() {
        for call in 0..<100 {
          detector.record(isFailure: call >= successes, at: host, now: Self.start)
        }
      }
      let end = Self.start + .seconds(10)
      detector.record(isFailure: false, at: 1, now: end)
      return Self.ejected(detector, of: hosts, now: end)
    }
    // Mean 0.94, deviation 0.10: below 0.750.
    #expect(ejected(hosts: 6, successes: [98, 98, 98, 72, 98, 98]) == [3])
    #expect(ejected(hosts: 6, successes: [98, 90, 98, 92, 98, 95]) == [])
    #expect(ejected(hosts: 4, successes: [98, 98, 98, 0]) == [], "too few hosts")
  }

  @Test("those that stay in the list keep their record")
  func replace() {
    var detector = Self.detector(3, OutlierPolicy())
    Self.fail(&detector, 2, times: 5)
    detector.replaceHosts([nil, 2])
    #expect(Self.ejected(detector, of: 2, now: Self.start) == [1])
  }

  @Test("without a policy nobody is left out")
  func none() {
    var detector = OutlierDetector(policy: nil, now: Self.start)
    detector.replaceHosts([nil, nil])
    Self.fail(&detector, 0, times: 1000)
    #expect(Self.ejected(detector, of: 2, now: Self.start).isEmpty)
  }
}
