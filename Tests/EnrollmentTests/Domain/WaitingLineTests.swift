import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Testing

@Suite("The line of the waiting room")
struct WaitingLineTests {
  @Test("first come, first served: turns go out in order as registrations finish")
  func inOrder() throws {
    var room = LineAtWork(limit: 2)
    let tokens = (0..<5).map { room.enter("student-\($0)") }
    #expect(tokens.map { room.state($0) } == [.turn, .turn, .waiting, .waiting, .waiting])
    #expect(tokens.map { room.position($0) } == [nil, nil, 1, 2, 3])
    let passage = try room.begin("student-1", tokens[1])
    // Under way it still takes a place.
    #expect(room.state(tokens[2]) == .waiting)
    room.finish(passage, succeeded: true)
    #expect(room.state(tokens[2]) == .turn)
    #expect(tokens[3...].map { room.position($0) } == [1, 2])
    #expect(room.status.turns == 2)
  }

  @Test("a student has one place, whatever the number of windows")
  func onePlace() {
    var room = LineAtWork(limit: 1)
    _ = room.enter("kim")
    let first = room.enter("lee")
    #expect((0..<10).allSatisfy { _ in room.enter("lee") == first })
    #expect(room.status.waiting == 1)
    #expect(room.enter("park") != first)
    #expect(room.position(first) == 1)
  }

  @Test("a new ticket that one window could not store stays while another stores it")
  func storedByAnother() throws {
    let clock = StoppedClock()
    var generator = SeededGenerator(seed: 7)
    var line = WaitingLine(WaitingRoomPolicy(mode: .on, limit: 1), at: clock.now())
    func enter() -> (standing: WaitingStanding, isNew: Bool, mustBeSaved: Bool) {
      line.enter(
        "kim", for: CourseID(1), token: WaitingToken(using: &generator), at: clock.now())
    }
    let ticket = enter().standing.ticket
    let again = enter()
    #expect(again.standing.ticket == ticket && again.mustBeSaved)
    line.withdraw(ticket.token, at: clock.now())
    // The other may have told its student already.
    #expect(line.see(ticket.token, at: clock.now())?.ticket.state == .turn)
    line.saved([ticket])
    line.withdraw(ticket.token, at: clock.now())
    #expect(line.see(ticket.token, at: clock.now())?.ticket.state == .turn)

    // None could: nobody was told of it, and the next one is new.
    _ = line.leave(ticket.token, at: clock.now())
    let second = enter().standing.ticket
    _ = enter()
    line.withdraw(second.token, at: clock.now())
    line.withdraw(second.token, at: clock.now())
    #expect(line.see(second.token, at: clock.now())?.ticket.state == .expired)
    #expect(enter().isNew)
  }

  @Test("T43: in mode auto nobody waits until the limit is reached; then everybody who comes does")
  func auto() throws {
    var room = LineAtWork(limit: 2)
    let one = try room.begin("kim", nil)
    let two = try room.begin("lee", nil)
    #expect(room.refusal("park", nil) == .wait(position: nil, retryAfterSeconds: 20))
    let ticket = room.enter("park")
    #expect(room.position(ticket) == 1)
    room.finish(one, succeeded: true)
    // The place is the one's who waited; who comes without a ticket does not jump the line.
    #expect(room.state(ticket) == .turn)
    #expect(room.refusal("choi", nil) != nil)
    room.finish(two, succeeded: false)
    _ = try room.begin("choi", nil)
    #expect(room.status.registrations == 1)
  }

  @Test("in mode on nobody registers without a turn, in mode off a ticket is a turn at once")
  func modes() throws {
    var on = LineAtWork(.on, limit: 2)
    #expect(on.refusal("kim", nil) != nil)
    let token = on.enter("kim")
    _ = try on.begin("kim", token)
    var off = LineAtWork(.off, limit: 1)
    #expect((0..<3).map { off.state(off.enter("student-\($0)")) } == [.turn, .turn, .turn])
  }

  @Test("success uses the turn up; a refusal leaves it until it expires")
  func usingTurns() throws {
    var room = LineAtWork(.on, limit: 1)
    let token = room.enter("kim")
    let next = room.enter("lee")
    room.finish(try room.begin("kim", token), succeeded: false)
    #expect(room.state(token) == .turn)
    room.finish(try room.begin("kim", token), succeeded: true)
    #expect(room.refusal("kim", token) == .ticketOver(.used))
    #expect(room.state(next) == .turn)
    #expect(room.enter("kim") != token)
  }

  @Test("a ticket admits its student, when its turn has come, one registration at a time")
  func wrongTickets() throws {
    var room = LineAtWork(limit: 1)
    let token = room.enter("kim")
    let waiting = room.enter("lee")
    #expect(room.refusal("lee", token) == .ticketOfAnother)
    #expect(room.refusal("lee", waiting) == .wait(position: 1, retryAfterSeconds: 20))
    #expect(room.refusal("lee", room.unused) == .ticketUnknown)
    let passage = try room.begin("kim", token)
    #expect(room.refusal("kim", token) == .turnInUse)
    room.finish(passage, succeeded: true)
    room.leave(waiting)
    #expect(room.refusal("lee", waiting) == .ticketOver(.left))
  }

  @Test("who stops asking loses the place, and does not block the others")
  func abandoned() throws {
    var room = LineAtWork(limit: 1, ticketSeconds: 60, turnSeconds: 120)
    let first = room.enter("kim")
    let gone = room.enter("lee")
    let last = room.enter("park")
    for _ in 0..<2 {
      room.clock.advance(seconds: 30)
      #expect(room.position(last) != nil)
    }
    #expect(room.position(last) == 1)
    #expect(room.refusal("lee", gone) == .ticketOver(.expired))
    // Who knows of the turn need not ask again.
    #expect(room.state(first) == .turn)
    room.clock.advance(seconds: 59)
    _ = room.position(last)
    room.clock.advance(seconds: 1)
    #expect(room.state(last) == .turn)
    #expect(room.refusal("kim", first) == .ticketOver(.expired))
  }

  @Test("a turn that comes to an abandoned ticket ends with the ticket's time, not the turn's")
  func abandonedTurn() throws {
    var room = LineAtWork(limit: 1, ticketSeconds: 60, turnSeconds: 120)
    let first = room.enter("kim")
    _ = room.enter("gone")
    room.clock.advance(seconds: 50)
    let last = room.enter("park")
    room.finish(try room.begin("kim", first), succeeded: true)
    #expect(room.position(last) == 1)
    room.clock.advance(seconds: 9)
    #expect(room.position(last) == 1)
    room.clock.advance(seconds: 1)
    #expect(room.state(last) == .turn)
  }

  @Test("a turn does not expire while a registration uses it")
  func inUse() throws {
    var room = LineAtWork(limit: 1, turnSeconds: 10)
    let token = room.enter("kim")
    let passage = try room.begin("kim", token)
    room.clock.advance(seconds: 300)
    #expect(room.state(token) == .turn)
    room.finish(passage, succeeded: false)
    room.clock.advance(seconds: 1)
    #expect(room.state(token) == .expired)
  }

  @Test("leaving frees the place at once, also one that is being used")
  func leaving() throws {
    var room = LineAtWork(limit: 1)
    let token = room.enter("kim")
    let next = room.enter("lee")
    room.leave(token)
    #expect(room.state(next) == .turn)
    let passage = try room.begin("lee", next)
    room.leave(next)
    let last = room.enter("park")
    // The registration is still under way.
    #expect(room.position(last) == 1)
    room.finish(passage, succeeded: true)
    #expect(room.state(next) == .left)
    #expect(room.state(last) == .turn)
  }

  @Test("the wait is estimated from the rate of late, and never above what the limits allow")
  func estimates() throws {
    var room = LineAtWork(.on, limit: 1, turnSeconds: 120)
    var tokens = (0..<100).map { room.enter("student-\($0)") }
    #expect(room.standing(tokens[10])?.estimatedWaitSeconds == 10 * 120)
    // One a second.
    for number in 0..<20 {
      room.clock.advance(seconds: 1)
      room.finish(try room.begin("student-\(number)", tokens.removeFirst()), succeeded: true)
    }
    #expect((4...6).contains(room.standing(tokens[5])?.estimatedWaitSeconds ?? 0))
    #expect((75...85).contains(room.standing(tokens[79])?.estimatedWaitSeconds ?? 0))
    #expect(room.standing(tokens[5])?.retryAfterSeconds == 1)
    #expect(room.standing(tokens[79])?.retryAfterSeconds == 20)
    // Nothing moves any more.
    room.clock.advance(seconds: 39)
    #expect(room.standing(tokens[5])?.estimatedWaitSeconds ?? 0 > 30)
  }

  @Test("restored from the store everybody has the old place and time to ask; turns last anew")
  func restores() throws {
    var room = LineAtWork(limit: 1, ticketSeconds: 60, turnSeconds: 120)
    let tokens = (0..<4).map { room.enter("student-\($0)") }
    room.flush()
    room.leave(tokens[2])
    // The turn of student 1 is not stored.
    room.finish(try room.begin("student-0", tokens[0]), succeeded: true)
    room.clock.advance(seconds: 3_600)
    room.restart()
    #expect(tokens.map { room.state($0) } == [nil, .turn, nil, .waiting])
    #expect(room.position(tokens[3]) == 1)
    #expect(room.enter("student-3") == tokens[3])
    room.clock.advance(seconds: 119)
    #expect(room.state(tokens[1]) == .turn)
    let newcomer = room.enter("newcomer")
    #expect(room.stored[newcomer]?.sequence == 5)
  }
}

/// A line with a clock and a store that only keeps.
struct LineAtWork {
  let clock = StoppedClock()
  private let policy: WaitingRoomPolicy
  private var line: WaitingLine
  private var generator = SeededGenerator(seed: 7)
  private(set) var stored: [WaitingToken: WaitingTicket] = [:]

  init(
    _ mode: WaitingRoomPolicy.Mode = .auto, limit: Int, ticketSeconds: Int = 60,
    turnSeconds: Int = 120
  ) {
    self.policy = WaitingRoomPolicy(
      mode: mode, limit: limit, ticketSeconds: ticketSeconds, turnSeconds: turnSeconds)
    self.line = WaitingLine(self.policy, at: self.clock.now())
  }

  var unused: WaitingToken { mutating get { WaitingToken(using: &self.generator) } }

  var status: WaitingRoomStatus { mutating get { self.line.status(at: self.clock.now()) } }

  mutating func enter(_ student: String) -> WaitingToken {
    let entered = self.line.enter(
      student, for: CourseID(1), token: self.unused, at: self.clock.now())
    if entered.mustBeSaved { self.save([entered.standing.ticket]) }
    return entered.standing.ticket.token
  }

  mutating func standing(_ token: WaitingToken) -> WaitingStanding? {
    self.line.see(token, at: self.clock.now())
  }

  mutating func position(_ token: WaitingToken) -> Int? { self.standing(token)?.position }

  mutating func state(_ token: WaitingToken) -> WaitingTicket.State? {
    self.standing(token)?.ticket.state
  }

  mutating func leave(_ token: WaitingToken) {
    if let ticket = self.line.leave(token, at: self.clock.now()) {
      // Durable, and yet what is over is still asked for here.
      self.stored[token] = ticket
    }
  }

  mutating func begin(
    _ student: String, _ token: WaitingToken?
  ) throws(WaitingRoomError) -> WaitingLine.Passage {
    try self.line.begin(student, with: token, at: self.clock.now())
  }

  mutating func refusal(_ student: String, _ token: WaitingToken?) -> WaitingRoomError? {
    do {
      _ = try self.begin(student, token)
      return nil
    } catch {
      return error
    }
  }

  mutating func finish(_ passage: WaitingLine.Passage, succeeded: Bool) {
    if let used = self.line.finish(passage, succeeded: succeeded, at: self.clock.now()) {
      self.stored[used.token] = used
    }
  }

  /// Saves everything.
  mutating func flush() { self.save(self.line.unsavedTickets(atMost: .max)) }

  mutating func restart() {
    self.line = WaitingLine(
      self.policy, restoring: Array(self.stored.values),
      lastSequence: self.stored.values.map(\.sequence).max() ?? 0, at: self.clock.now())
  }

  private mutating func save(_ tickets: [WaitingTicket]) {
    for ticket in tickets where self.stored[ticket.token]?.state.isOver != true {
      self.stored[ticket.token] = ticket
    }
    self.line.saved(tickets)
  }
}
