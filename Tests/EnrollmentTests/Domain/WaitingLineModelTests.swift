import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Testing

@Suite("The line of the waiting room against a model that scans")
struct WaitingLineModelTests {
  @Test(
    "whatever happens in whatever order: the same places, turns and refusals", arguments: 1...200)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let policy = WaitingRoomPolicy(
      mode: Bool.random(using: &generator) ? .auto : .on,
      limit: Int.random(in: 1...4, using: &generator), ticketSeconds: 8, turnSeconds: 11)
    var line = WaitingLine(policy, at: Timestamp(microseconds: 0))
    var model = NaiveRoom(policy)
    var underWay: [WaitingLine.Passage] = []
    var tokens: [WaitingToken] = []
    var second: Int64 = 0
    for _ in 0..<600 {
      let now = Timestamp(microseconds: second * 1_000_000)
      let student = "student-\(Int.random(in: 0..<10, using: &generator))"
      switch Int.random(in: 0..<12, using: &generator) {
      case 0...2:
        let fresh = WaitingToken(using: &generator)
        let entered = line.enter(student, for: CourseID(1), token: fresh, at: now)
        let ticket = entered.standing.ticket
        if entered.isNew { tokens.append(ticket.token) }
        line.saved([ticket])
        let expected = model.enter(student, fresh, at: second)
        #expect(ticket.token == expected.token)
        #expect(entered.standing.position == model.position(of: expected.token))
      case 3...5:
        guard let token = tokens.randomElement(using: &generator) else { continue }
        let standing = line.see(token, at: now)
        #expect(standing?.ticket.state == model.see(token, at: second))
        #expect(standing?.position == model.position(of: token))
      case 6:
        guard let token = tokens.randomElement(using: &generator) else { continue }
        _ = line.leave(token, at: now)
        model.leave(token, at: second)
      case 7...8:
        let mine = model.token(of: student)
        let token =
          switch Int.random(in: 0..<6, using: &generator) {
          case 0: tokens.randomElement(using: &generator)
          case 1...2: WaitingToken?.none
          default: mine ?? tokens.randomElement(using: &generator)
          }
        let expected = model.begin(student, token, at: second)
        do {
          let passage = try line.begin(student, with: token, at: now)
          #expect(expected == nil)
          underWay.append(passage)
        } catch {
          #expect(error.problem.code == expected)
        }
      case 9...10:
        guard let index = underWay.indices.randomElement(using: &generator) else { continue }
        let passage = underWay.remove(at: index)
        let succeeded = Bool.random(using: &generator)
        _ = line.finish(passage, succeeded: succeeded, at: now)
        model.finish(passage, succeeded: succeeded, at: second)
      default:
        second += Int64.random(in: 0...5, using: &generator)
        line.settle(at: Timestamp(microseconds: second * 1_000_000))
        model.settle(at: second)
      }
      let status = line.status(at: Timestamp(microseconds: second * 1_000_000))
      #expect(status.waiting == model.waiting.count)
      #expect(status.turns == model.tickets.count { $0.state == .turn })
      #expect(status.registrations == underWay.count)
      // Never too many, and no turn is held back while somebody waits.
      #expect(model.placesTaken <= policy.limit)
      #expect(model.waiting.isEmpty || model.placesTaken == policy.limit)
    }
  }
}

/// The same rules by scanning everything, every time.
private struct NaiveRoom {
  struct Ticket {
    let token: WaitingToken
    let student: String
    var state = WaitingTicket.State.waiting
    var lastSeen: Int64
    var turnEnd: Int64 = 0
    var turnWasSeen = false
    var isInUse = false
  }

  let policy: WaitingRoomPolicy
  /// In the order in which they were taken.
  var tickets: [Ticket] = []
  var registrations = 0
  private var lookedAt: Int64 = 0

  init(_ policy: WaitingRoomPolicy) {
    self.policy = policy
  }

  var waiting: [Ticket] { self.tickets.filter { $0.state == .waiting } }

  var placesTaken: Int {
    self.registrations + self.tickets.count { $0.state == .turn && !$0.isInUse }
  }

  func position(of token: WaitingToken) -> Int? {
    self.waiting.firstIndex { $0.token == token }.map { $0 + 1 }
  }

  func token(of student: String) -> WaitingToken? {
    self.tickets.first { $0.student == student && !$0.state.isOver }?.token
  }

  mutating func enter(_ student: String, _ token: WaitingToken, at now: Int64) -> Ticket {
    self.settle(at: now)
    if self.token(of: student) == nil {
      self.tickets.append(Ticket(token: token, student: student, lastSeen: now))
      self.settle(at: now)
    }
    let mine = self.token(of: student) ?? token
    self.touch(mine, at: now)
    return self.tickets.first { $0.token == mine } ?? self.tickets[0]
  }

  mutating func see(_ token: WaitingToken, at now: Int64) -> WaitingTicket.State? {
    self.settle(at: now)
    self.touch(token, at: now)
    return self.tickets.first { $0.token == token }?.state
  }

  private mutating func touch(_ token: WaitingToken, at now: Int64) {
    guard let index = self.tickets.firstIndex(where: { $0.token == token }) else { return }
    self.tickets[index].lastSeen = now
    if self.tickets[index].state == .turn { self.tickets[index].turnWasSeen = true }
  }

  mutating func leave(_ token: WaitingToken, at now: Int64) {
    // The line's own order: what is over by now cannot be left.
    if let index = self.tickets.firstIndex(where: { $0.token == token && !$0.state.isOver }) {
      self.tickets[index].state = .left
    }
    self.settle(at: now)
  }

  /// - Returns: the code of the refusal.
  mutating func begin(_ student: String, _ token: WaitingToken?, at now: Int64) -> String? {
    self.settle(at: now)
    guard let token else {
      guard self.policy.mode == .auto, self.waiting.isEmpty, self.placesTaken < self.policy.limit
      else { return "waiting-room" }
      self.registrations += 1
      return nil
    }
    guard let index = self.tickets.firstIndex(where: { $0.token == token }) else {
      return "waiting-ticket-unknown"
    }
    guard self.tickets[index].student == student else { return "waiting-ticket-of-another" }
    switch self.tickets[index].state {
    case .used: return "waiting-ticket-used"
    case .expired: return "waiting-ticket-expired"
    case .left: return "waiting-ticket-left"
    case .waiting, .turn: break
    }
    self.touch(token, at: now)
    guard self.tickets[index].state == .turn else { return "waiting-room" }
    guard !self.tickets[index].isInUse else { return "waiting-ticket-in-use" }
    self.tickets[index].isInUse = true
    self.registrations += 1
    return nil
  }

  mutating func finish(_ passage: WaitingLine.Passage, succeeded: Bool, at now: Int64) {
    self.registrations -= 1
    if case .turn(let token) = passage,
      let index = self.tickets.firstIndex(where: { $0.token == token && $0.state == .turn })
    {
      self.tickets[index].isInUse = false
      if succeeded { self.tickets[index].state = .used }
    }
    self.settle(at: now)
  }

  mutating func settle(at now: Int64) {
    if now > self.lookedAt {
      self.lookedAt = now
      for index in self.tickets.indices where self.isDue(self.tickets[index], at: now) {
        self.tickets[index].state = .expired
      }
    }
    while self.placesTaken < self.policy.limit,
      let index = self.tickets.firstIndex(where: { $0.state == .waiting })
    {
      self.tickets[index].state = .turn
      self.tickets[index].turnEnd = now + Int64(self.policy.turnSeconds)
    }
  }

  private func isDue(_ ticket: Ticket, at now: Int64) -> Bool {
    guard !ticket.state.isOver, !ticket.isInUse else { return false }
    let unseen = ticket.lastSeen + Int64(self.policy.ticketSeconds) <= now
    guard ticket.state == .turn else { return unseen }
    return ticket.turnEnd <= now || !ticket.turnWasSeen && unseen
  }
}
