import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Testing

@Suite("T22: who may do what with classes")
struct EnrollmentOwnershipTests {
  @Test("a student enrolls in their own name, said or not", arguments: Way.allCases)
  func enrolls(_ way: Way) async throws {
    let classes = try await Self.classes()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await classes.with(way) { (port: any EnrollmentPort) async throws -> Void in
        func enroll(_ student: String, by caller: Caller) async throws -> Enrollment {
          try await port.register(
            try EnrollmentHarness.command(student: student), by: caller, key: nil)
        }
        let unnamed = try await enroll("", by: .studentA)
        #expect(unnamed.student == "student-a")
        let named = try await enroll("student-b", by: .studentB)
        #expect(named.student == "student-b")
        let another = await problem { try await enroll("student-b", by: .studentA) }
        #expect(another?.code == "not-owner")
        #expect(another?.kind == .forbidden)
        let teacher = await problem { try await enroll("teacher", by: .teacher) }
        #expect(teacher?.code == "role-missing")
        let other = try await enroll("student-c", by: .admin)
        #expect(other.student == "student-c")
      }
    }
  }

  @Test("a class is nobody else's to see, to change and to cancel", arguments: Way.allCases)
  func owns(_ way: Way) async throws {
    let classes = try await Self.classes()
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await classes.with(way) { (port: any EnrollmentPort) async throws -> Void in
        let command = try EnrollmentHarness.command(student: "student-b")
        let id = try await port.register(command, by: .studentB, key: nil).id
        for caller in [Caller.studentA, .teacher] {
          let seen = await problem { try await port.enrollment(id, by: caller) }
          #expect(seen?.kind == .notFound)
          let changed = await problem {
            try await port.modify(id, ClassChange(student: caller.name), by: caller)
          }
          #expect(changed?.kind == .notFound)
          let canceled = await problem { try await port.cancel(id, by: caller) }
          #expect(canceled?.kind == .notFound)
          let unknown = await problem { try await port.cancel(ClassID(99), by: caller) }
          #expect(canceled?.detail == unknown?.detail.replacing("99", with: "\(id)"))
          #expect(try await port.enrollments(page, by: caller).totalElements == 0)
          let history = await problem {
            try await port.enrollments(ofStudent: "student-b", page, by: caller)
          }
          #expect(history?.code == "not-owner")
        }
        #expect(try await port.enrollments(page, by: .studentB).items.map(\.id) == [id])
        #expect(try await port.enrollments(page, by: .admin).totalElements == 1)
        #expect(
          try await port.enrollments(ofStudent: "student-b", page, by: .studentB)
            .totalElements == 1)
        // T34: nobody is given a class without being asked.
        let given = await problem {
          try await port.modify(id, ClassChange(student: "student-a"), by: .studentB)
        }
        #expect(given?.code == "not-owner")
        #expect(
          try await port.modify(id, ClassChange(student: "student-a"), by: .admin).student
            == "student-a")
        #expect(await problem { try await port.cancel(id, by: .studentB) }?.kind == .notFound)
        try await port.cancel(id, by: .studentA)
      }
    }
    #expect(
      try await classes.harness.eventTypes()
        == ["ClassRegistered", "ClassModified", "ClassCanceled"])
  }

  @Test("a course is closed by Course alone", arguments: [Way.application, .rpc])
  func closes(_ way: Way) async throws {
    let classes = try await Self.classes()
    try await classes.with(way) { (port: any EnrollmentPort) async throws -> Void in
      for caller in [Caller.studentA, .teacher, .admin] {
        let refused = await problem { try await port.close(CourseID(1), by: caller) }
        #expect(refused?.code == "internal-only")
        let progress = await problem {
          try await port.cancellationProgress(of: CourseID(1), by: caller)
        }
        #expect(progress?.code == "internal-only")
      }
    }
  }

  @Test("a place in a line is its student's, the line is the instructor's", arguments: Way.allCases)
  func waits(_ way: Way) async throws {
    let classes = try await Self.classes(capacity: 1)
    _ = try await classes.application.register(
      try EnrollmentHarness.command(student: "student-c"), by: EnrollmentHarness.caller, key: nil)
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await classes.withLine(way) { (line: any WaitlistPort) async throws -> Void in
        func join(_ student: String, by caller: Caller) async throws -> WaitlistPlace {
          try await line.join(
            JoinWaitlist(courseID: CourseID(1), student: student), by: caller, key: nil)
        }
        let another = await problem { try await join("student-b", by: .studentA) }
        #expect(another?.code == "not-owner")
        let id = try await join("", by: .studentA).entry.id
        _ = try await join("student-b", by: .studentB)
        #expect(try await line.place(id, by: .studentA).entry.student == "student-a")
        #expect(await problem { try await line.place(id, by: .studentB) }?.kind == .notFound)
        #expect(await problem { try await line.leave(id, by: .studentB) }?.kind == .notFound)
        #expect(try await line.places(page, by: .studentA).items.map(\.entry.id) == [id])
        #expect(try await line.places(page, by: .admin).totalElements == 2)
        let history = await problem {
          try await line.places(ofStudent: "student-a", page, by: .studentB)
        }
        #expect(history?.code == "not-owner")
        let all = await problem {
          try await line.places(ofCourse: CourseID(1), page, by: .studentA)
        }
        #expect(all?.code == "role-missing")
        #expect(
          try await line.places(ofCourse: CourseID(1), page, by: .teacher).totalElements == 2)
        try await line.leave(id, by: .studentA)
      }
    }
  }

  @Test("a ticket of the waiting room is its student's", arguments: Way.allCases)
  func queues(_ way: Way) async throws {
    let waiting = try WaitingRoomHarness()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await waiting.with(way) { (ports: WaitingRoomHarness.Ports) async throws -> Void in
        let room = ports.room
        let another = await problem {
          try await room.takeTicket(WaitingRoomHarness.wish("student-b"), by: .studentA)
        }
        #expect(another?.code == "not-owner")
        let taken = try await room.takeTicket(WaitingRoomHarness.wish(""), by: .studentA)
        #expect(taken.standing.ticket.student == "student-a")
        let token = taken.standing.ticket.token.value
        #expect(try await room.ticket(token, by: .studentA).ticket.student == "student-a")
        #expect(await problem { try await room.ticket(token, by: .studentB) }?.kind == .notFound)
        #expect(await problem { try await room.leave(token, by: .studentB) }?.kind == .notFound)
        try await room.leave(token, by: .studentA)
      }
    }
  }

  /// What somebody may try who has got hold of another student's token.
  enum Attempt: CaseIterable {
    case look, leave, register
  }

  @Test(
    "another's hands on a ticket do not keep it alive",
    arguments: Way.allCases, Attempt.allCases)
  func keepsAlive(_ way: Way, _ attempt: Attempt) async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1, ticketSeconds: 60)
    let clock = waiting.harness.clock
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await waiting.with(way) { (ports: WaitingRoomHarness.Ports) async throws -> Void in
        let room = ports.room
        _ = try await room.takeTicket(WaitingRoomHarness.wish(""), by: .studentA)
        let ticket = try await room.takeTicket(WaitingRoomHarness.wish(""), by: .studentB)
          .standing.ticket
        #expect(ticket.state == .waiting)
        let token = ticket.token.value
        func state() async throws -> WaitingTicket.State {
          try await room.ticket(token, by: .studentB).ticket.state
        }
        // Its student's look does.
        clock.advance(seconds: 50)
        #expect(try await state() == .waiting)
        clock.advance(seconds: 50)
        let refused = await problem { () async throws -> Void in
          switch attempt {
          case .look: _ = try await room.ticket(token, by: .studentA)
          case .leave: try await room.leave(token, by: .studentA)
          case .register:
            _ = try await ports.classes.register(
              WaitingRoomHarness.command("", ticket: ticket.token), by: .studentA, key: nil)
          }
        }
        if attempt == .register {
          #expect(refused?.code == "waiting-ticket-of-another")
        } else {
          #expect(refused?.kind == .notFound)
        }
        clock.advance(seconds: 20)
        #expect(try await state() == .expired)
        // It is over, and still nobody else's.
        #expect(await problem { try await room.ticket(token, by: .studentA) }?.kind == .notFound)
      }
    }
  }

  private static func classes(capacity: Int64? = nil) async throws -> EnrollmentHarness {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: capacity))
    return classes
  }
}
