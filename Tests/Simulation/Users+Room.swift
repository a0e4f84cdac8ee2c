import EnrollmentAdaptors
import EnrollmentCore
import Kernel
import SugangServices

/// More students than may enroll at once: what they do in the waiting room.
extension Users {
  /// Waits for a turn, and says with which ticket to enroll; nil when the student does not.
  ///
  /// Some go away without a word, some give their place up, some try with a ticket that is not or no
  /// longer good.
  func waitForTurn(_ student: String, _ course: CourseID) async -> String? {
    guard let first = await self.takeTicket(student, course) else { return nil }
    if self.scheduler.random.chance(150) {
      // Another window of the same student.
      self.enter { _ = await self.takeTicket(student, course) }
    }
    var standing = first
    let token = first.ticket.token.value
    for _ in 0..<16 {
      switch standing.ticket.state {
      case .turn:
        return await self.begin(turn: token, of: student)
      case .waiting:
        switch self.scheduler.random.below(25) {
        case 0: return nil
        case 1:
          await self.giveUp(token, of: student)
          return nil
        case 2: return token
        default: break
        }
      case .used, .expired, .left:
        return self.scheduler.random.chance(400) ? token : nil
      }
      let pause = Int64(standing.retryAfterSeconds ?? 1)
      await self.wait(pause * 700_000...pause * 1_100_000)
      if let seen = await self.look(at: token, of: student) { standing = seen }
    }
    return nil
  }

  /// It is the student's turn.
  private func begin(turn token: String, of student: String) async -> String? {
    switch self.scheduler.random.below(12) {
    case 0:
      return nil
    case 1, 2:
      // Some dawdle until the turn is over.
      await self.wait(500_000...5_000_000)
      _ = await self.look(at: token, of: student)
      return token
    case 3:
      await self.giveUp(token, of: student)
      return self.scheduler.random.chance(500) ? token : nil
    default:
      return token
    }
  }

  private func takeTicket(_ student: String, _ course: CourseID) async -> WaitingStanding? {
    for _ in 0..<4 {
      let told = await self.ask(for: nil, of: student, course) {
        try await self.room.takeTicket(TakeTicket(student: student, courseID: course), by: $0)
          .standing
      }
      if let standing = told.answer { return standing }
      guard told.isInDoubt else { return nil }
      await self.wait(100_000...1_000_000)
    }
    return nil
  }

  private func look(at token: String, of student: String) async -> WaitingStanding? {
    await self.ask(for: token, of: student) { try await self.room.ticket(token, by: $0) }.answer
  }

  /// Asks for a ticket, and keeps what was told and when.
  private func ask(
    for token: String?, of student: String, _ course: CourseID? = nil,
    _ request: (Caller) async throws -> WaitingStanding
  ) async -> Told<WaitingStanding> {
    let (asked, starts) = (self.scheduler.now, self.world.node(.class).starts)
    let caller = self.caller(student)
    let told = await self.ask { try await request(caller) }
    self.world.history.tickets.append(
      TicketLook(
        student: student, token: token, courseID: course, asked: asked,
        answered: self.scheduler.now, startsBefore: starts,
        starts: self.world.node(.class).starts, told: told))
    return told
  }

  func giveUp(_ token: String, of student: String) async {
    for _ in 0..<3 {
      let caller = self.caller(student)
      let told = await self.ask { () async throws -> Done in
        try await self.room.leave(token, by: caller)
        return Done()
      }
      self.world.history.ticketsGivenUp.append(
        Attempt(requestID: caller.requestID, target: token, told: told))
      if told.answer != nil { self.world.noteGivenUp(token) }
      if !told.isInDoubt { return }
      await self.wait(100_000...1_000_000)
    }
  }
}
