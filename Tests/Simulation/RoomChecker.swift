import EnrollmentCore
import SugangServices

/// What must hold of the waiting room in the eyes of those who waited there.
///
/// What must hold of its tickets at every moment is ``RoomWatch``'s.
struct RoomChecker: ViolationNoter {
  /// How late the room may be, in microseconds: it looks at each place in the first second after its
  /// time, once somebody asks, and never ends a turn with which somebody is registering.
  private static let lateness: Int64 = 6_000_000

  /// What the student of a ticket was told of it, in the order of the answers.
  private struct Story {
    let student: String
    /// Before this the ticket was not there, as far as is known.
    let firstAsked: Int64
    var told: [(look: TicketLook, standing: WaitingStanding)] = []
  }

  private let history: History
  private let room: WaitingRoomSettings
  var violations: [Violation] = []

  static func violations(in stores: Stores, of world: World) -> [Violation] {
    var checker = RoomChecker(history: world.history, room: world.settings.waitingRoom)
    let stories = checker.stories()
    checker.checkStored(stores)
    checker.checkRefusals()
    for story in stories.values {
      checker.checkTurns(story)
      checker.checkTimes(story)
    }
    checker.checkOrder(stories.values.sorted { $0.firstAsked < $1.firstAsked })
    return checker.violations
  }

  private init(history: History, room: WaitingRoomSettings) {
    self.history = history
    self.room = room
  }

  /// By token.
  private func stories() -> [String: Story] {
    var stories: [String: Story] = [:]
    for look in self.history.tickets {
      guard let standing = look.told.answer else { continue }
      let token = standing.ticket.token.value
      let known = stories[token]
      var story = known ?? Story(student: look.student, firstAsked: self.firstAsked(look))
      story.told.append((look, standing))
      stories[token] = story
    }
    return stories
  }

  /// The first request that the ticket may come from: an answer may have been lost.
  private func firstAsked(_ look: TicketLook) -> Int64 {
    self.history.tickets.lazy.filter {
      $0.student == look.student && $0.token == nil && $0.told.isInDoubt
    }.map(\.asked).min().map { min($0, look.asked) } ?? look.asked
  }

  // MARK: Tickets

  /// I1, I8: a ticket that somebody was told of is there, and is the student's.
  private mutating func checkStored(_ stores: Stores) {
    let tickets = Dictionary(stores.tickets.map { ($0.token, $0) }) { first, _ in first }
    for look in self.history.tickets {
      guard let ticket = look.told.answer?.ticket else { continue }
      self.expect(
        ticket.student == look.student && look.token ?? ticket.token.value == ticket.token.value,
        .i8, "\(look.student) was told of a ticket of \(ticket.student)")
      self.expect(
        tickets[ticket.token.value]?.student == look.student, .i1,
        "a ticket that \(look.student) was told of is gone")
    }
    for attempt in self.history.ticketsGivenUp where attempt.told.answer != nil {
      let state = tickets[attempt.target]?.state
      self.expect(
        state != nil && state != "WAITING" && state != "TURN", .i1,
        "a ticket, told given up, is \(state ?? "gone")")
    }
  }

  /// What refuses a ticket for good.
  private static let refusals: Set<String> = [
    "already-enrolled", "course-closed", "course-full", "not-found",
  ]

  /// I11: who is told of a ticket finds it again.
  private mutating func checkRefusals() {
    for look in self.history.tickets {
      guard let code = look.told.code else { continue }
      self.expect(
        look.token == nil && Self.refusals.contains(code), .i11,
        "\(look.student) asked for \(look.token == nil ? "a" : "the") ticket and heard \(code)")
    }
    for attempt in self.history.ticketsGivenUp {
      guard let code = attempt.told.code else { continue }
      self.expect(false, .i11, "a ticket could not be given up: \(code)")
    }
  }

  // MARK: The line

  /// I1: a turn that somebody was told of is not taken back, also not by a crash.
  private mutating func checkTurns(_ story: Story) {
    guard let turn = story.told.first(where: { $0.standing.ticket.state == .turn }) else { return }
    let known = turn.look.answered
    for (look, standing) in story.told where look.asked > known {
      self.expect(
        standing.ticket.state != .waiting, .i1, "\(story.student) had a turn, and waits again")
    }
    let token = turn.standing.ticket.token.value
    for one in self.history.registrations where one.token == token && one.asked > known {
      self.expect(
        one.code != WaitingRoomError.waitCode, .i1,
        "\(story.student) had a turn, and was told to wait")
    }
  }

  /// I7: nobody waits for longer than those before may take, once nothing goes wrong; and nobody's
  /// time is over before it is.
  private mutating func checkTimes(_ story: Story) {
    let second: Int64 = 1_000_000
    let turn = Int64(self.room.turnSeconds) * second
    let unseen = min(Int64(self.room.ticketSeconds) * second, turn)
    let token = story.told.first?.standing.ticket.token.value
    let wasGivenUp = self.history.ticketsGivenUp.contains { $0.target == token }
    for (index, (look, standing)) in story.told.enumerated() {
      guard standing.ticket.state == .waiting, let position = standing.position else { continue }
      let turns = Int64((position + self.room.limit - 1) / self.room.limit)
      let longest = look.answered + turns * (turn + Self.lateness)
      for (later, seen) in story.told[(index + 1)...] where later.asked >= look.answered {
        switch seen.ticket.state {
        case .waiting where look.asked > World.healing:
          self.expect(
            later.asked <= longest, .i7,
            "\(story.student) waits at position \(position) for too long")
        // A place that was given up, which is not yet stored, ends with the student's next ticket.
        case .expired where !wasGivenUp:
          self.expect(
            later.answered >= look.asked + unseen, .i7,
            "the ticket of \(story.student) expired before its time")
        default: break
        }
      }
    }
  }

  /// I3: first come, first served. After a crash those who had a turn keep it, though there may be
  /// less room then for those before them: so who waited in one life of the service, and was served in
  /// the same, is compared with who waits on in it.
  private mutating func checkOrder(_ stories: [Story]) {
    for first in stories {
      let waits = first.told.filter { $0.standing.ticket.state == .waiting }
      guard let known = first.told.first?.look.answered, let last = waits.last else { continue }
      for second in stories where second.firstAsked > known {
        let life = second.told.filter { $0.look.starts == last.look.starts }
        let wait = life.first { $0.standing.ticket.state == .waiting }
        let served = life.first { $0.standing.ticket.state == .turn }
        guard let wait, let served, wait.look.answered < served.look.asked,
          served.look.answered < last.look.asked
        else { continue }
        self.expect(
          false, .i3, "\(second.student) came after \(first.student) and was served before")
      }
    }
  }
}
