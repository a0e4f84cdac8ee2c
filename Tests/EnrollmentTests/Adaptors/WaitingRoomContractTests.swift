import AdaptorTestSupport
import EnrollmentAdaptors
import EnrollmentCore
import Kernel
import Testing

@Suite("The contract of the waiting room's port")
struct WaitingRoomContractTests {
  private let caller = WaitingRoomHarness.caller

  @Test(
    "T43: a ticket has a place and an estimate, and is the same for all windows of a student",
    arguments: Way.allCases)
  func takes(_ way: Way) async throws {
    let caller = self.caller
    let waiting = try WaitingRoomHarness(limit: 1)
    try await waiting.with(way) { ports in
      let first = try await ports.room.takeTicket(WaitingRoomHarness.wish("kim"), by: caller)
      #expect(first.isNew)
      #expect(first.standing.ticket.state == .turn)
      #expect(
        first.standing.ticket.turnExpiresAt
          == waiting.harness.clock.now().adding(seconds: 120))
      #expect(first.standing.position == nil)
      let second = try await ports.room.takeTicket(WaitingRoomHarness.wish("lee"), by: caller)
      #expect(second.standing.ticket.state == .waiting)
      #expect(second.standing.ticket.student == "lee")
      #expect(second.standing.ticket.courseID == CourseID(1))
      #expect(second.standing.position == 1)
      #expect(second.standing.estimatedWaitSeconds == 120)
      #expect(second.standing.retryAfterSeconds == 20)
      for course: Int64 in [1, 2] {
        let again = try await ports.room.takeTicket(
          WaitingRoomHarness.wish("lee", course: course), by: caller)
        #expect(!again.isNew)
        #expect(again.standing == second.standing)
      }
      let token = second.standing.ticket.token
      #expect(try await ports.room.ticket(token.value) == second.standing)
      let status = try await ports.room.status()
      #expect(
        status
          == WaitingRoomStatus(
            mode: .auto, waiting: 1, turns: 1, registrations: 0, limit: 1,
            admissionsPerSecond: 0))
    }
  }

  @Test(
    "a turn admits past the limit, once, and the next in line has the turn then",
    arguments: Way.allCases)
  func turns(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    try await waiting.with(way) { ports in
      let mine = try await ports.take("kim")
      let next = try await ports.take("lee")
      #expect(await ports.refusal("park") == "waiting-room")
      #expect(await ports.refusal("lee", ticket: next) == "waiting-room")
      #expect(try await ports.register("kim", ticket: mine).status == .registered)
      #expect(try await ports.state(mine) == .used)
      #expect(try await ports.state(next) == .turn)
      #expect(await ports.refusal("kim", course: 2, ticket: mine) == "waiting-ticket-used")
    }
    #expect(waiting.gateway.requests.map(\.student) == ["kim"])
  }

  @Test("a refusal leaves the turn as it is, until it expires", arguments: Way.allCases)
  func refused(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    waiting.gateway.next(.declined(reason: "over-limit"))
    waiting.catalog.next(.noSuchCourse)
    try await waiting.with(way) { ports in
      let mine = try await ports.take("kim")
      #expect(await ports.refusal("kim", ticket: mine) == "payment-declined")
      #expect(await ports.refusal("kim", course: 9, ticket: mine) == "not-found")
      #expect(try await ports.state(mine) == .turn)
      waiting.harness.clock.advance(seconds: 120)
      #expect(await ports.refusal("kim", ticket: mine) == "waiting-ticket-expired")
      #expect(try await ports.state(mine) == .expired)
    }
  }

  @Test(
    "a ticket that is nobody's, another's or no token is refused and says so",
    arguments: Way.allCases)
  func wrongTickets(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(limit: 1)
    try await waiting.with(way) { ports in
      let mine = try await ports.take("kim")
      #expect(await ports.refusal("lee", ticket: mine) == "waiting-ticket-of-another")
      let unknown = try #require(WaitingToken(String(repeating: "0", count: 32)))
      #expect(await ports.refusal("kim", ticket: unknown) == "waiting-ticket-unknown")
      let noToken = RegisterClass(
        courseID: CourseID(1), student: "kim", waitingTicket: "7")
      let refused = await problem {
        try await ports.classes.register(noToken, by: WaitingRoomHarness.caller, key: nil)
      }
      #expect(refused?.code == "waiting-ticket-unknown")
      for token in [unknown.value, "7"] {
        #expect(await problem { try await ports.room.ticket(token) }?.kind == .notFound)
        let left = await problem {
          try await ports.room.leave(token, by: WaitingRoomHarness.caller)
        }
        #expect(left?.kind == .notFound)
      }
    }
    #expect(waiting.gateway.requests.isEmpty)
  }

  @Test("who could not enroll anyway is told before the queue", arguments: Way.allCases)
  func reasons(_ way: Way) async throws {
    let caller = self.caller
    let waiting = try WaitingRoomHarness(limit: 2)
    try await waiting.with(way) { ports in
      func reason(_ student: String, course: Int64 = 1) async -> Problem? {
        await problem { try await ports.take(student, course: course) }
      }
      _ = try await ports.register("kim")
      #expect(await reason("kim")?.code == "already-enrolled")
      #expect(await reason("kim", course: 2) == nil)
      try await waiting.application.close(CourseID(2), by: caller)
      #expect(await reason("lee", course: 2)?.code == "course-closed")
      #expect(await reason(" ")?.fields.map(\.field) == ["student"])
      // The REST client of this test asks twice.
      for _ in 0..<2 { waiting.catalog.next(.noSuchCourse) }
      #expect(await reason("lee", course: 9)?.code == "not-found")
      #expect(await reason("lee", course: 9)?.kind == (way == .rest ? .unavailable : .notFound))
      #expect(try await ports.room.status().turns == 1)
    }
  }

  @Test(
    "a full course is waited for on its waitlist; who was offered a seat there may queue",
    arguments: Way.allCases)
  func fullCourse(_ way: Way) async throws {
    let caller = self.caller
    let waiting = try WaitingRoomHarness(limit: 2)
    let waitlist = WaitlistApplication(
      store: SQLEnrollmentStore(waiting.harness.context), catalog: waiting.catalog,
      seats: .standard)
    try await waiting.with(way) { ports in
      let seat = try await ports.register("kim", course: 3)
      func reason(_ student: String) async -> String? {
        await problem { try await ports.take(student, course: 3) }?.code
      }
      #expect(await reason("lee") == "course-full")
      let wish = JoinWaitlist(courseID: CourseID(3), student: "lee")
      _ = try await waitlist.join(wish, by: caller, key: nil)
      #expect(await reason("lee") == "course-full")
      try await ports.classes.cancel(seat.id, by: caller)
      #expect(await reason("park") == "course-full")
      #expect(await reason("lee") == nil)
      waiting.harness.clock.advance(seconds: SeatPolicy.standard.offerSeconds)
      #expect(await reason("lee") == "course-full")
    }
  }

  @Test("leaving frees the place, and again is no error", arguments: Way.allCases)
  func leaves(_ way: Way) async throws {
    let caller = self.caller
    let waiting = try WaitingRoomHarness(limit: 1)
    try await waiting.with(way) { ports in
      let mine = try await ports.take("kim")
      let next = try await ports.take("lee")
      for _ in 0..<2 { try await ports.room.leave(mine.value, by: caller) }
      #expect(try await ports.state(mine) == .left)
      #expect(try await ports.state(next) == .turn)
      #expect(await ports.refusal("kim", ticket: mine) == "waiting-ticket-left")
      #expect(try await ports.take("kim") != mine)
    }
  }

  @Test(
    "T43: as many register at once as the limit says; the others are sent to the queue",
    arguments: Way.allCases)
  func limit(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(limit: 1)
    try await waiting.with(way) { ports in
      waiting.gateway.next { _ in
        // While kim pays.
        #expect(await ports.refusal("lee") == "waiting-room")
        let ticket = try? await ports.take("lee")
        #expect(await ports.refusal("lee", ticket: ticket) == "waiting-room")
        return .approved(PaymentID(1))
      }
      _ = try await ports.register("kim")
      #expect(await ports.refusal("park") == "waiting-room")
      #expect(
        try await ports.register("lee", ticket: try await ports.take("lee")).status
          == .registered)
      #expect(try await ports.register("park").status == .registered)
    }
  }

  @Test(
    "T17: a repeat of an answered command gets its answer, whatever became of the turn",
    arguments: Way.allCases)
  func repeats(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    try await waiting.with(way) { ports in
      let key = try IdempotencyKey("k-1")
      let mine = try await ports.take("kim")
      let first = try await ports.register("kim", ticket: mine, key: key)
      for ticket in [mine, nil] {
        #expect(try await ports.register("kim", ticket: ticket, key: key) == first)
      }
      let other = try IdempotencyKey("k-2")
      let refused = await problem {
        try await ports.register("kim", course: 2, ticket: mine, key: other)
      }
      #expect(refused?.code == "waiting-ticket-used")
    }
    #expect(waiting.gateway.requests.count == 1)
  }

  @Test(
    "in mode off everybody registers, whatever ticket comes with it; tickets there are none",
    arguments: Way.allCases)
  func off(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness(.off, limit: 1)
    try await waiting.with(way) { ports in
      #expect(
        await problem { try await ports.take("kim") }?.code == "waiting-room-closed")
      let unknown = try #require(WaitingToken(String(repeating: "0", count: 32)))
      #expect(try await ports.register("kim", ticket: unknown).status == .registered)
      #expect(try await ports.room.status().mode == .off)
    }
  }
}
