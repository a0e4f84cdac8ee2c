import Kernel
import Synchronization

/// The waiting room before enrollment, and the door to it: hands out tickets and turns, first come
/// first served, and lets registrations in.
///
/// The line is in memory and decides; the store follows. A ticket, its turn, its end by the student's
/// will and its use, which is stored with the class, are stored before anybody is told of them. A turn
/// that nobody was told of need not be: after a crash the tickets that had one are the first in the
/// line, and get it again when there is room. There may be less: what had expired, and was not yet
/// stored as that, is good once more.
package final class WaitingRoom: WaitingRoomPort {
  /// Most tickets in one transaction.
  private static let savedAtOnce = 1000
  /// How long a ticket that is over can be asked for, in seconds.
  private static let keptSeconds: Int64 = 24 * 3600

  private let policy: WaitingRoomPolicy
  private let store: any WaitingRoomStore
  private let catalog: any CourseCatalog
  private let clock: any WallClock
  private let makeToken: @Sendable () -> WaitingToken
  /// nil until the stored tickets were read.
  private let line = Mutex<WaitingLine?>(nil)

  /// - Parameters:
  ///   - clock: One that does not jump: a ticket expires by it.
  ///   - makeToken: Makes a token that nobody can guess.
  package init(
    _ policy: WaitingRoomPolicy, store: any WaitingRoomStore, catalog: any CourseCatalog,
    clock: any WallClock,
    makeToken: @escaping @Sendable () -> WaitingToken = {
      var generator = SystemRandomNumberGenerator()
      return WaitingToken(using: &generator)
    }
  ) {
    self.policy = policy
    self.store = store
    self.catalog = catalog
    self.clock = clock
    self.makeToken = makeToken
  }

  // MARK: Tickets

  package func takeTicket(_ wish: TakeTicket, by caller: Caller) async throws -> TakenTicket {
    guard self.policy.mode != .off else { throw WaitingRoomError.closed }
    let wish = TakeTicket(
      student: try caller.name(wish.student, as: .student), courseID: wish.courseID)
    if let problem = Enrollment.studentRule.check(wish.student) {
      throw EnrollmentError.invalid([problem])
    }
    try await self.check(wish, because: caller.cause)
    let fresh = self.makeToken()
    let taken = try await self.withLine { line, now in
      line.enter(wish.student, for: wish.courseID, token: fresh, at: now)
    }
    if taken.mustBeSaved {
      // Of a student's windows each waits until the ticket is stored, whoever made it.
      do {
        try await self.save(taken.standing.ticket, because: caller.cause)
      } catch {
        try await self.withLine { $0.withdraw(taken.standing.ticket.token, at: $1) }
        throw error
      }
    }
    try await self.storeTurn(of: taken.standing.ticket, because: caller.cause)
    return TakenTicket(standing: taken.standing, isNew: taken.isNew)
  }

  package func ticket(_ token: String, by caller: Caller) async throws -> WaitingStanding {
    guard let known = WaitingToken(token) else { throw WaitingRoomError.notFound(token: token) }
    let live = try await self.withLine { line, now in
      // Before it is seen: nobody else's look keeps it alive.
      if let holder = line.holder(of: known), !caller.owns(holder) {
        throw WaitingRoomError.notFound(token: token)
      }
      return line.see(known, at: now)
    }
    if let live {
      try await self.storeTurn(of: live.ticket, because: caller.cause)
      return live
    }
    let ended = try await self.endedTicket(known)
    guard caller.owns(ended.student) else { throw WaitingRoomError.notFound(token: token) }
    return WaitingStanding(ticket: ended)
  }

  /// The student is about to be told of a turn, which no crash may take back then.
  private func storeTurn(of ticket: WaitingTicket, because cause: Cause) async throws {
    guard ticket.state == .turn else { return }
    let isUnsaved = try await self.withLine { line, _ in line.hasUnsavedTurn(ticket.token) }
    if isUnsaved { try await self.save(ticket, because: cause) }
  }

  package func leave(_ token: String, by caller: Caller) async throws {
    guard let known = WaitingToken(token) else { throw WaitingRoomError.notFound(token: token) }
    if caller.onlyOwner != nil { _ = try await self.ticket(token, by: caller) }
    if let ticket = try await self.withLine({ $0.leave(known, at: $1) }) {
      try await self.save(ticket, because: caller.cause)
    } else {
      _ = try await self.endedTicket(known)
    }
  }

  package func status() async throws -> WaitingRoomStatus {
    try await self.withLine { $0.status(at: $1) }
  }

  /// Nobody queues for a course that could not be had anyway.
  private func check(_ wish: TakeTicket, because cause: Cause) async throws {
    let (reason, isKnown) = try await self.store.look(because: cause) { tx in
      (
        try reasonNotToQueue(wish.student, for: wish.courseID, in: tx),
        try tx.course(wish.courseID)?.offer != nil
      )
    }
    if let reason { throw reason }
    guard !isKnown else { return }
    switch await self.catalog.offer(of: wish.courseID, because: cause) {
    case .offer: break
    case .canceled: throw EnrollmentError.courseClosed(wish.courseID)
    case .noSuchCourse: throw EnrollmentError.courseNotFound(wish.courseID)
    case .unknown(let reason):
      throw EnrollmentError.courseUnknown(wish.courseID, reason: reason)
    }
  }

  /// A ticket that the line does not keep.
  private func endedTicket(_ token: WaitingToken) async throws -> WaitingTicket {
    guard var ticket = try await self.store.ticket(token) else {
      throw WaitingRoomError.notFound(token: token.value)
    }
    // Good in the store only: it was withdrawn, and that is not stored yet.
    ticket.end(as: .expired, at: self.clock.now())
    return ticket
  }

  // MARK: The door

  /// Lets a registration in, or refuses it.
  ///
  /// - Parameters:
  ///   - key: A repeat of an answered command is no registration, and is let in at any time.
  ///   - register: Runs when the registration is let in, with its turn if it has one, and uses that
  ///     up in the transaction that stores the class.
  func admit<Answer>(
    _ command: RegisterClass, as key: CommandKey?, because cause: Cause,
    _ register: (HeldTurn?) async throws -> Answer
  ) async throws -> Answer {
    guard self.policy.mode != .off else { return try await register(nil) }
    let passage: WaitingLine.Passage
    let turn: HeldTurn?
    do {
      (passage, turn) = try await self.begin(command)
    } catch {
      guard let key,
        try await self.store.look(because: cause, { try $0.rememberedCommand(key) != nil })
      else { throw error }
      return try await register(nil)
    }
    let answer: Answer
    do {
      answer = try await register(turn)
    } catch {
      // The class may be stored all the same, and the turn with it.
      try await self.finish(passage, turn)
      throw error
    }
    try await self.finish(passage, turn)
    return answer
  }

  private func finish(_ passage: WaitingLine.Passage, _ turn: HeldTurn?) async throws {
    try await self.withLine { line, now in
      let used = line.finish(passage, succeeded: turn?.isUsed ?? false, at: now)
      // It was stored with the class.
      if let used { line.saved([used]) }
    }
  }

  private func begin(
    _ command: RegisterClass
  ) async throws -> (WaitingLine.Passage, HeldTurn?) {
    var token: WaitingToken?
    if let text = command.waitingTicket {
      guard let known = WaitingToken(text) else { throw WaitingRoomError.ticketUnknown }
      token = known
    }
    do {
      return try await self.withLine { line, now in
        let passage = try line.begin(command.student, with: token, at: now)
        let turn = line.turn(of: passage).map { ticket in
          HeldTurn(ticket) { self.line.withLock { $0?.givenUp(ticket.token) } }
        }
        return (passage, turn)
      }
    } catch WaitingRoomError.ticketUnknown {
      guard let token, let ticket = try await self.store.ticket(token) else {
        throw WaitingRoomError.ticketUnknown
      }
      guard ticket.student == command.student else { throw WaitingRoomError.ticketOfAnother }
      throw WaitingRoomError.ticketOver(ticket.state)
    }
  }

  // MARK: Upkeep

  /// One round of the loop: lets tickets expire, hands out turns, and stores what became of them.
  package func settle() async throws -> Settlement {
    let tickets = try await self.withLine { line, now in
      line.settle(at: now)
      return line.unsavedTickets(atMost: Self.savedAtOnce)
    }
    guard !tickets.isEmpty else { return Settlement(settled: 0, remaining: 0) }
    try await self.store.save(tickets, because: Cause(id: "waiting-room"))
    try await self.withLine { line, _ in line.saved(tickets) }
    return Settlement(settled: tickets.count == Self.savedAtOnce ? tickets.count : 0, remaining: 0)
  }

  /// Forgets tickets that have been over for a day.
  package func forgetOld() async throws -> Settlement {
    let limit = self.clock.now().adding(seconds: -Self.keptSeconds)
    return Settlement(
      settled: try await self.store.forgetTickets(endedBefore: limit, atMost: Self.savedAtOnce),
      remaining: 0)
  }

  private func save(_ ticket: WaitingTicket, because cause: Cause) async throws {
    try await self.store.save([ticket], because: cause)
    try await self.withLine { line, _ in line.saved([ticket]) }
  }

  /// Runs `body` alone on the line, which is read from the store when it is needed first.
  private func withLine<Answer: Sendable>(
    _ body: (inout WaitingLine, Timestamp) throws -> Answer
  ) async throws -> Answer {
    let now = self.clock.now()
    // In place: a copy of the line would be as long as the line.
    let answer = try self.line.withLock { line -> Answer? in
      line == nil ? nil : try body(&line!, now)
    }
    if let answer { return answer }
    let (tickets, lastSequence) = try await self.store.goodTickets()
    return try self.line.withLock { line in
      // Several may have read at once; nothing is stored before the first of them is here.
      if line == nil {
        line = WaitingLine(
          self.policy, restoring: tickets, lastSequence: lastSequence, at: now)
      }
      return try body(&line!, now)
    }
  }
}
