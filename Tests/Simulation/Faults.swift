import SugangServices

/// The ways in which a simulated run goes wrong.
package enum Fault: String, CaseIterable, Sendable {
  case requestLost = "request lost"
  case answerLost = "answer lost"
  case requestTwice = "request twice"
  case answerLate = "answer late"
  case connectionReset = "connection reset"
  case answerGarbled = "answer garbled"
  case deadlinePassed = "deadline passed"
  case expiredInQueue = "deadline passed before the work began"
  case nobodyListens = "nobody listens"
  case partition = "partition"
  case slowPay = "slow pay"
  case crash = "crash"
  case crashBeforeCommit = "crash before commit"
  case crashAfterCommit = "crash after commit"
  case commitFails = "commit fails"
  case markCut = "mark torn, behind or gone after a crash"
  case storeBusy = "store busy"
  case clockJump = "clock jump"
  case eventsRepeated = "events repeated"
  case eventsReordered = "events reordered"
}

/// What goes wrong in one run, and how often: drawn from the seed, each kind in about half of the
/// runs, so that there are also runs where one thing alone goes wrong.
package struct FaultPlan: Sendable {
  /// Times in a thousand messages.
  package var requestLost = 0
  package var answerLost = 0
  package var requestTwice = 0
  package var answerLate = 0
  package var connectionReset = 0
  package var answerGarbled = 0
  /// Times in a thousand commits.
  package var crashBeforeCommit = 0
  package var crashAfterCommit = 0
  package var commitFails = 0
  /// Times in a thousand writes.
  package var storeBusy = 0

  package var crashes: [(at: Int64, ServiceName)] = []
  /// The service hears nobody and nobody hears it; or only one way.
  package var partitions: [(from: Int64, to: Int64, ServiceName, isDeaf: Bool, isMute: Bool)] = []
  package var slowPay: [(from: Int64, to: Int64)] = []
  /// The wall clock of the service goes wrong by so much, in microseconds.
  package var clockJumps: [(at: Int64, ServiceName, by: Int64)] = []
  /// Events come to a consumer by another way: again, and out of order.
  package var couriers: [Int64] = []

  /// Nothing goes wrong.
  package static let calm = FaultPlan()

  package init() {}

  /// - Parameter end: when everything is healed, in virtual microseconds.
  package init(until end: Int64, _ random: inout SeededGenerator) {
    func often(_ most: Int) -> Int { random.chance(500) ? 1 + random.below(most) : 0 }
    self.requestLost = often(200)
    self.answerLost = often(200)
    self.requestTwice = often(300)
    self.answerLate = often(150)
    self.connectionReset = often(150)
    self.answerGarbled = often(40)
    self.crashBeforeCommit = often(30)
    self.crashAfterCommit = often(30)
    self.commitFails = often(20)
    self.storeBusy = often(40)
    let services = ServiceName.allCases.filter { $0 != .gateway }
    for _ in 0..<often(5) {
      self.crashes.append((random.time(0...end), random.one(of: services)))
    }
    for _ in 0..<often(3) {
      let start = random.time(0...end)
      let shape = random.below(3)
      self.partitions.append(
        (
          start, start + random.time(100_000...5_000_000), random.one(of: services),
          isDeaf: shape != 0, isMute: shape != 1
        ))
    }
    for _ in 0..<often(2) {
      let start = random.time(0...end)
      self.slowPay.append((start, start + random.time(500_000...4_000_000)))
    }
    for _ in 0..<often(3) {
      // Three of them together stay below a day: by then keys of commands are forgotten.
      let hours = random.time(1...7)
      self.clockJumps.append(
        (
          random.time(0...end), random.one(of: services),
          by: (random.chance(500) ? 1 : -1) * hours * 3_600_000_000
        ))
    }
    for _ in 0..<often(6) { self.couriers.append(random.time(0...end)) }
  }
}
