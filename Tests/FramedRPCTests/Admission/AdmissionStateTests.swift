import FramedRPC
import NIOCore
import Testing

/// Calls by number, in virtual time.
private final class Door {
  var state: AdmissionState<Int>
  var now = NIODeadline.uptimeNanoseconds(0)

  init(
    limit: Int = 2, maxQueuedCalls: Int = 100, maxQueueTime: Duration = .seconds(10),
    criticalReserve: Double = 0, defaultReserve: Double = 0
  ) {
    self.state = AdmissionState(
      policy: AdmissionPolicy(
        limit: .fixed(limit), maxQueuedCalls: maxQueuedCalls, maxQueueTime: maxQueueTime,
        criticalReserve: criticalReserve, defaultReserve: defaultReserve),
      methods: 2, now: self.now)
  }

  func arrive(
    _ number: Int, _ priority: RPCPriority = .default, within time: TimeAmount? = nil,
    method: Int = 0
  ) -> AdmissionState<Int>.Arrival {
    self.state.arrive(
      priority, method: method, deadline: time.map { self.now + $0 }, now: self.now
    ) { number }
  }

  /// - Returns: the calls that got a place, and those refused.
  func leave(after time: TimeAmount = .milliseconds(1), method: Int = 0) -> Outcome {
    let began = self.now
    self.now = self.now + time
    return Outcome(self.state.leave(method: method, began: began, now: self.now))
  }

  /// The caller leaves.
  func giveUp(_ ticket: AdmissionState<Int>.Ticket) -> Bool { self.state.giveUp(ticket, nil) }
}

private struct Outcome: Equatable {
  var admitted: [Int] = []
  var refused: [Int] = []
  var reasons: [AdmissionRefusal.Reason] = []

  init(admitted: [Int] = [], refused: [Int] = [], reasons: [AdmissionRefusal.Reason] = []) {
    self.admitted = admitted
    self.refused = refused
    self.reasons = reasons
  }

  init(_ decisions: [AdmissionState<Int>.Decision]) {
    for decision in decisions {
      if let refusal = decision.refusal {
        self.refused.append(decision.waiter)
        self.reasons.append(refusal.reason)
      } else {
        self.admitted.append(decision.waiter)
      }
    }
  }
}

extension AdmissionState.Arrival {
  fileprivate var isAdmitted: Bool { if case .admitted = self { true } else { false } }

  fileprivate var ticket: AdmissionState.Ticket? {
    if case .queued(let ticket, _) = self { ticket } else { nil }
  }

  fileprivate var evicted: AdmissionState.Decision? {
    if case .queued(_, let evicted) = self { evicted } else { nil }
  }

  fileprivate var refusal: AdmissionRefusal? {
    if case .refused(let refusal) = self { refusal } else { nil }
  }
}

@Suite("Admission: who runs, who waits, who is refused")
struct AdmissionStateTests {
  @Test("no more wait than can get their places in time, at the rate of late")
  func servable() {
    let door = Door(limit: 2, maxQueueTime: .milliseconds(100))
    // Never without a call, and 200 end in a second: 20 in the longest queue time.
    #expect(door.arrive(0).isAdmitted)
    for number in 1..<40 {
      #expect(door.arrive(number).isAdmitted)
      _ = door.leave(after: .milliseconds(5))
    }
    #expect(door.arrive(100).isAdmitted)
    var waiting = 0
    while door.state.refuseIfFull(.default) == nil, waiting < 90 {
      #expect(door.arrive(200 + waiting).ticket != nil)
      waiting += 1
    }
    #expect(waiting == 40, "twice as many as are served in time")
    #expect(door.arrive(300).refusal?.reason == .queueTime)
    #expect(door.arrive(301, .critical).ticket != nil, "nobody is before it")
    #expect(door.state.statistics.refusedQueueTime.default == 2)
  }

  @Test("calls that are known of and have not come count as if they had")
  func known() {
    let door = Door(limit: 2)
    #expect(door.arrive(1).isAdmitted)
    #expect(door.state.refuseIfFull(.default, known: 1) == nil, "the one that is here")
    #expect(!door.state.isFull(.default, known: 2), "two may run, or wait")
    // As many are about to come as may wait.
    #expect(door.state.isFull(.default, known: 2 + AdmissionPolicy().maxQueuedCalls))
    #expect(door.state.refuseIfFull(.default, known: 2 + AdmissionPolicy().maxQueuedCalls) != nil)
    #expect(door.arrive(2).isAdmitted, "who is here gets the place that is free")
  }

  @Test("without a queue the door is full when the places are, those on their way included")
  func knownWithoutQueue() {
    var state = AdmissionState<Int>(
      policy: AdmissionPolicy(
        limit: .fixed(2), maxQueuedCalls: 0, criticalReserve: 0, defaultReserve: 0), methods: 1,
      now: .uptimeNanoseconds(0))
    #expect(!state.isFull(.default, known: 1))
    #expect(state.isFull(.default, known: 2))
    let time = NIODeadline.uptimeNanoseconds(1)
    #expect(state.arrive(.default, method: 0, deadline: nil, now: time) { 1 }.isAdmitted)
    #expect(state.isFull(.default, known: 2))
    #expect(!state.isFull(.default, known: 1))
  }

  @Test("over the limit calls wait, and get the places in the order in which they came")
  func order() {
    let door = Door(limit: 2)
    #expect(door.arrive(1).isAdmitted)
    #expect(door.arrive(2).isAdmitted)
    #expect(door.arrive(3).ticket != nil)
    #expect(door.arrive(4).ticket != nil)
    #expect(door.state.statistics.queued.default == 2)
    #expect(door.leave() == Outcome(admitted: [3]))
    #expect(door.leave() == Outcome(admitted: [4]))
    #expect(door.leave() == Outcome())
    #expect(door.state.statistics.inFlight == 1)
    #expect(door.arrive(5).isAdmitted)
  }

  @Test("critical before default before bulk")
  func priorities() {
    let door = Door(limit: 1)
    #expect(door.arrive(0).isAdmitted)
    let calls = [(1, RPCPriority.bulk), (2, .default), (3, .critical), (4, .default)]
    for (number, priority) in calls {
      #expect(door.arrive(number, priority).ticket != nil)
    }
    var order: [Int] = []
    for _ in 1...4 { order += door.leave().admitted }
    #expect(order == [3, 2, 4, 1])
  }

  @Test("some places are for critical calls only, and bulk calls have fewer than default ones")
  func reserves() {
    let door = Door(limit: 10, criticalReserve: 0.2, defaultReserve: 0.3)
    func places(_ priority: RPCPriority) -> Int {
      (0..<20).count { door.arrive($0, priority).isAdmitted }
    }
    #expect(places(.bulk) == 5)
    #expect(places(.default) == 3)
    #expect(places(.critical) == 2)
    // What becomes free is a critical call's first, and bulk waits until the reserve is free again.
    var admitted: [Int] = []
    for _ in 0..<17 { admitted += door.leave().admitted }
    #expect(door.state.statistics.queued.critical == 1)
    #expect(door.state.statistics.admitted.bulk == 5)
    #expect(admitted.count == 17)
  }

  @Test("each priority has a place, however small the limit")
  func smallLimit() {
    for priority in RPCPriority.allCases {
      let door = Door(limit: 1, criticalReserve: 0.5, defaultReserve: 0.4)
      #expect(door.arrive(1, priority).isAdmitted)
    }
  }

  @Test("a full queue refuses the lowest priority first, and of it the one that came last")
  func fullQueue() throws {
    let door = Door(limit: 1, maxQueuedCalls: 3)
    #expect(door.arrive(0).isAdmitted)
    #expect(door.arrive(1, .bulk).ticket != nil)
    #expect(door.arrive(2, .default).ticket != nil)
    #expect(door.arrive(3, .bulk).ticket != nil)
    #expect(door.arrive(4, .bulk).refusal?.reason == .queueFull)
    #expect(door.arrive(5, .critical).evicted?.waiter == 3)
    #expect(door.arrive(6, .critical).evicted?.waiter == 1)
    #expect(door.arrive(7, .critical).evicted?.waiter == 2)
    let refusal = try #require(door.arrive(8, .critical).refusal)
    #expect(refusal.reason == .queueFull)
    #expect(refusal.error.notProcessed)
    #expect(refusal.error.overloaded)
    #expect(refusal.error.reason == "overloaded")
    #expect(door.state.statistics.refusedQueueFull.bulk == 3)
    #expect(door.state.statistics.refusedQueueFull.default == 1)
    #expect(door.state.statistics.refusedQueueFull.critical == 1)
    #expect(door.state.statistics.refused == 5)
    var order: [Int] = []
    for _ in 1...3 { order += door.leave().admitted }
    #expect(order == [5, 6, 7])
  }

  @Test("without a queue a call over the limit is refused at once")
  func noQueue() {
    let door = Door(limit: 1, maxQueuedCalls: 0)
    #expect(door.arrive(1).isAdmitted)
    #expect(door.arrive(2, .critical).refusal?.reason == .queueFull)
  }

  @Test("expired calls, and those that have waited too long, are not given the place")
  func expiry() {
    let door = Door(limit: 1, maxQueueTime: .milliseconds(50))
    #expect(door.arrive(0).isAdmitted)
    #expect(door.arrive(1, within: .milliseconds(10)).ticket != nil)
    #expect(door.arrive(2).ticket != nil)
    door.now = door.now + .milliseconds(30)
    #expect(door.arrive(3).ticket != nil)
    let outcome = door.leave(after: .milliseconds(20))
    #expect(outcome == Outcome(admitted: [3], refused: [1, 2], reasons: [.expired, .queueTime]))
  }

  @Test("a call with less time than such calls take is refused; other methods are not concerned")
  func tooLate() {
    let door = Door(limit: 1)
    #expect(door.arrive(0).isAdmitted)
    _ = door.leave(after: .milliseconds(20))
    #expect(door.arrive(1).isAdmitted)
    #expect(door.arrive(2, within: .milliseconds(10)).refusal?.reason == .tooLate)
    #expect(door.arrive(3, within: .milliseconds(10), method: 1).ticket != nil)
    #expect(door.arrive(4, within: .milliseconds(30)).ticket != nil)
    #expect(
      door.leave(after: .milliseconds(15), method: 1)
        == Outcome(refused: [3, 4], reasons: [.expired, .tooLate]))
    #expect(door.arrive(5, within: .milliseconds(1)).isAdmitted, "there is a place: it may try")
  }

  @Test("a caller that leaves frees its place in the queue, once")
  func giveUp() throws {
    let door = Door(limit: 1, maxQueuedCalls: 2)
    #expect(door.arrive(0).isAdmitted)
    let first = try #require(door.arrive(1).ticket)
    let second = try #require(door.arrive(2).ticket)
    #expect(door.giveUp(first))
    #expect(!door.giveUp(first))
    #expect(door.arrive(3).ticket != nil)
    #expect(door.leave() == Outcome(admitted: [2]))
    #expect(!door.giveUp(second), "it has its place already")
    #expect(door.state.statistics.abandoned.default == 1)
  }

  @Test("callers that come and leave all the time leave nothing behind")
  func churn() throws {
    let door = Door(limit: 1)
    #expect(door.arrive(0).isAdmitted)
    #expect(door.arrive(1).ticket != nil)
    for number in 2..<10_000 {
      let ticket = try #require(door.arrive(number).ticket)
      #expect(door.giveUp(ticket))
    }
    #expect(door.state.statistics.queued.total == 1)
    #expect(door.leave() == Outcome(admitted: [1]))
  }

  @Test("retry after: when those that are due before will have had their turn, within bounds")
  func retryAfter() {
    let door = Door(limit: 1, maxQueuedCalls: 200, maxQueueTime: .seconds(60))
    #expect(door.arrive(0).isAdmitted)
    for number in 1...200 { #expect(door.arrive(number, .bulk).ticket != nil) }
    // 100 calls a second.
    for _ in 1...100 { #expect(door.leave(after: .milliseconds(10)).admitted.count == 1) }
    #expect(door.state.retryAfter(.bulk) == .milliseconds(1010))
    #expect(door.state.retryAfter(.critical) == .milliseconds(50), "nobody is before it")
    for number in 0..<100 { #expect(door.arrive(1000 + number, .bulk).ticket != nil) }
    for _ in 1...20 { _ = door.leave(after: .seconds(1)) }
    #expect(door.state.retryAfter(.bulk) == .seconds(5))
    #expect(
      AdmissionRefusal(reason: .queueFull, retryAfter: .microseconds(50_001)).error.retryAfter
        == .milliseconds(51))
  }

  @Test("any order of events: nobody runs over the limit, and everybody is decided once")
  func anyOrder() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let limit = Int.random(in: 1...8, using: &random)
      let door = Door(
        limit: limit, maxQueuedCalls: Int.random(in: 0...10, using: &random),
        maxQueueTime: .milliseconds(20), criticalReserve: 0.2, defaultReserve: 0.2)
      var waiting: [Int: AdmissionState<Int>.Ticket] = [:]
      var running = 0
      var decided = 0
      for number in 0..<500 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0, 1:
          let priority = RPCPriority.allCases.randomElement(using: &random) ?? .default
          switch door.arrive(number, priority, within: .milliseconds(15)) {
          case .admitted: running += 1
          case .refused: break
          case .queued(let ticket, let evicted):
            waiting[number] = ticket
            if let evicted { #expect(waiting.removeValue(forKey: evicted.waiter) != nil) }
          }
        case 2 where running > 0:
          let outcome = door.leave()
          running += outcome.admitted.count - 1
          decided += outcome.admitted.count
          for call in outcome.admitted + outcome.refused {
            #expect(waiting.removeValue(forKey: call) != nil)
          }
        default:
          guard let (number, ticket) = waiting.randomElement(using: &random) else { continue }
          waiting[number] = nil
          #expect(door.giveUp(ticket))
        }
        #expect(running <= limit)
        #expect(door.state.statistics.inFlight == running)
        #expect(door.state.statistics.queued.total == waiting.count)
      }
      #expect(door.state.statistics.admittedLater.total == decided)
    }
  }
}
