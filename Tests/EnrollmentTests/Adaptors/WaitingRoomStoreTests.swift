import AdaptorTestSupport
import EnrollmentAdaptors
import EnrollmentCore
import Kernel
import Testing

@Suite("The waiting room on its database")
struct WaitingRoomStoreTests {
  private let cause = Cause(id: "test")

  @Test("after a restart everybody has the same ticket and place, and the time to ask for it")
  func restarts() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 2)
    try await waiting.offerCourses()
    let ports = WaitingRoomHarness.Ports(room: waiting.room, classes: waiting.application)
    var tokens: [WaitingToken] = []
    for number in 0..<7 { tokens.append(try await ports.take("student-\(number)")) }
    _ = try await ports.register("student-0", ticket: tokens[0])
    try await ports.room.leave(tokens[3].value, by: WaitingRoomHarness.caller)
    let before = try await self.states(tokens, waiting.room)
    #expect(before == [.used, .turn, .turn, .left, .waiting, .waiting, .waiting])
    waiting.harness.clock.advance(seconds: 3_600)

    // No round of the loop has stored the turns.
    let restarted = waiting.restarted
    #expect(try await self.states(tokens, restarted) == before)
    let positions = try await self.positions(tokens, restarted)
    #expect(positions == [nil, nil, nil, nil, 1, 2, 3])
    let again = try await restarted.takeTicket(
      WaitingRoomHarness.wish("student-5"), by: WaitingRoomHarness.caller)
    #expect(!again.isNew)
    #expect(again.standing.ticket.token == tokens[5])
    let newcomer = try await restarted.takeTicket(
      WaitingRoomHarness.wish("newcomer"), by: WaitingRoomHarness.caller)
    #expect(newcomer.standing.position == 4)
  }

  @Test("a turn that its student was told of outlives a restart, whatever was not yet stored")
  func toldTurn() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1, ticketSeconds: 600, turnSeconds: 10)
    try await waiting.offerCourses()
    let ports = WaitingRoomHarness.Ports(room: waiting.room, classes: waiting.application)
    let first = try await ports.take("kim")
    let second = try await ports.take("lee")
    #expect(try await self.states([first, second], waiting.room) == [.turn, .waiting])
    waiting.harness.clock.advance(seconds: 11)
    #expect(try await ports.state(second) == .turn)

    // No round of the loop has stored that the first turn is over.
    let restarted = waiting.restarted
    #expect(try await self.states([second, first], restarted) == [.turn, .turn])

    // Nor does a new ticket take a turn that is not on disk.
    waiting.harness.clock.advance(seconds: 11)
    let later = try await restarted.takeTicket(
      WaitingRoomHarness.wish("park"), by: WaitingRoomHarness.caller
    ).standing.ticket
    #expect(later.state == .turn)
    #expect(try await self.states([later.token], waiting.restarted) == [.turn])
  }

  @Test("what the loop stores is what a restart finds; what is over long is forgotten")
  func loop() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1, ticketSeconds: 60, turnSeconds: 120)
    try await waiting.offerCourses()
    let ports = WaitingRoomHarness.Ports(room: waiting.room, classes: waiting.application)
    let first = try await ports.take("kim")
    let second = try await ports.take("lee")
    #expect(try await waiting.room.settle() == Settlement(settled: 0, remaining: 0))
    #expect(try await waiting.store.ticket(first)?.state == .turn)
    #expect(try await waiting.store.ticket(second)?.state == .waiting)
    waiting.harness.clock.advance(seconds: 60)
    _ = try await waiting.room.settle()
    #expect(try await waiting.store.ticket(second)?.state == .expired)
    // It is asked for at the store now.
    #expect(try await ports.state(second) == .expired)
    #expect(await ports.refusal("lee", ticket: second) == "waiting-ticket-expired")
    #expect(await ports.refusal("kim", ticket: second) == "waiting-ticket-of-another")

    waiting.harness.clock.advance(seconds: 24 * 3_600)
    #expect(try await waiting.room.forgetOld() == Settlement(settled: 0, remaining: 0))
    waiting.harness.clock.advance(seconds: 1)
    #expect(try await waiting.room.forgetOld() == Settlement(settled: 1, remaining: 0))
    #expect(await problem { try await ports.state(second) }?.kind == .notFound)
    #expect(try await waiting.store.ticket(first) != nil)
  }

  @Test("a ticket only goes on: what comes late from another task changes nothing")
  func onlyForward() async throws {
    let waiting = try WaitingRoomHarness()
    let store = waiting.store
    var generator = SeededGenerator(seed: 1)
    let token = WaitingToken(using: &generator)
    func ticket(
      _ state: WaitingTicket.State, end: Int64? = nil, token: WaitingToken, sequence: Int64 = 1
    ) -> WaitingTicket {
      WaitingTicket(
        token: token, sequence: sequence, student: "kim", courseID: CourseID(1),
        takenAt: Timestamp(microseconds: 5), state: state,
        turnExpiresAt: end.map { Timestamp(microseconds: $0) },
        endedAt: state.isOver ? Timestamp(microseconds: 9) : nil)
    }
    // The turn is stored before the ticket itself.
    try await store.save([ticket(.turn, end: 7, token: token)], because: self.cause)
    try await store.save([ticket(.waiting, token: token)], because: self.cause)
    #expect(try await store.ticket(token) == ticket(.turn, end: 7, token: token))
    try await store.save([ticket(.turn, end: 8, token: token)], because: self.cause)
    #expect(try await store.ticket(token) == ticket(.turn, end: 8, token: token))
    try await store.save([ticket(.used, end: 8, token: token)], because: self.cause)
    for state in [WaitingTicket.State.waiting, .turn, .expired, .left] {
      try await store.save([ticket(state, token: token)], because: self.cause)
    }
    #expect(try await store.ticket(token) == ticket(.used, end: 8, token: token))

    // The end of the second ticket is lost; the third ends it.
    let second = WaitingToken(using: &generator)
    let third = WaitingToken(using: &generator)
    try await store.save([ticket(.waiting, token: second, sequence: 2)], because: self.cause)
    try await store.save([ticket(.waiting, token: third, sequence: 3)], because: self.cause)
    #expect(try await store.ticket(second)?.state == .expired)
    let good = try await store.goodTickets()
    #expect(good.tickets == [ticket(.waiting, token: third, sequence: 3)])
    #expect(good.lastSequence == 3)
  }

  @Test("of many windows at once one takes the ticket, and all get it when it is stored")
  func manyWindows() async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    try await waiting.offerCourses()
    let room = waiting.room
    let store = waiting.store
    let taken = await Array(0..<40).concurrentMap(atMost: 40) { number -> TakenTicket? in
      let taken = try? await room.takeTicket(
        WaitingRoomHarness.wish("student-\(number % 2)"), by: WaitingRoomHarness.caller)
      guard let token = taken?.standing.ticket.token else { return nil }
      #expect((try? await store.ticket(token)) != nil)
      return taken
    }
    #expect(taken.count { $0?.isNew == true } == 2)
    #expect(Set(taken.map { $0?.standing.ticket.token }).count == 2)
    #expect(!taken.contains { $0 == nil })
  }

  private func states(
    _ tokens: [WaitingToken], _ room: WaitingRoom
  ) async throws -> [WaitingTicket.State] {
    var states: [WaitingTicket.State] = []
    for token in tokens { states.append(try await room.ticket(token.value).ticket.state) }
    return states
  }

  private func positions(_ tokens: [WaitingToken], _ room: WaitingRoom) async throws -> [Int?] {
    var positions: [Int?] = []
    for token in tokens { positions.append(try await room.ticket(token.value).position) }
    return positions
  }
}
