import Storage
import SugangServices

/// I1, I3: what must hold of the tickets of the waiting room after each unit of work in Enrollment's
/// store, whatever runs at the same time.
///
/// It compares what is there with what was there before: a turn goes when a class comes, and comes
/// back when that class fails.
struct RoomWatch: Sendable {
  private struct Ticket: Equatable {
    let student: String
    let state: String

    var isGood: Bool { self.state == "WAITING" || self.state == "TURN" }
  }

  /// When a unit of work ran, and for which registration, if for one.
  struct Moment {
    /// In virtual microseconds.
    let time: Int64
    /// How often Enrollment had started.
    let starts: Int
    let registration: ServedCall?
  }

  /// A class that came.
  struct Entry {
    let student: String
    /// The ticket whose turn was used for it; nil without one.
    let token: String?
    let moment: Moment

    /// Let in between this and the moment's time.
    var began: Int64 { self.moment.registration?.began ?? self.moment.time }
  }

  private static let newClasses = "SELECT id, student FROM class WHERE id > ? ORDER BY id"
  private static let isLive = """
    SELECT 1 FROM class WHERE id = ? AND status IN ('PENDING', 'REGISTERED')
    """

  /// Whether nobody may come in without a turn.
  private let everybodyNeedsTurn: Bool
  /// By token.
  private var tickets: [String: Ticket] = [:]
  /// The class that each turn was used for, by token.
  private var uses: [String: Int64] = [:]
  /// nil before the first look.
  private var lastClass: Int64?
  /// Turns that came back because the class failed.
  private(set) var givenBack = 0
  /// Turns that did not, because their students had given them up meanwhile.
  private(set) var givenUpInUse = 0
  /// Tickets of which that was told.
  private var givenUp: Set<String> = []
  /// In the order of their coming, since the first look.
  private(set) var entries: [Entry] = []
  /// From when on each ticket was good on the disk, by token.
  private(set) var goodFrom: [String: Moment] = [:]
  /// Since when it is not.
  private(set) var goodUntil: [String: Int64] = [:]
  private var told: Set<Violation> = []

  init(_ mode: WaitingRoomSettings.Mode) {
    self.everybodyNeedsTurn = mode == .on
  }

  mutating func wasGivenUp(_ token: String) { self.givenUp.insert(token) }

  /// - Returns: what is wrong now and was not wrong before.
  mutating func look(_ connection: any SQLConnection, at moment: Moment) throws -> [Violation] {
    var wrong: [String] = []
    var lost: [String] = []
    var newClasses = try connection.rows(Self.newClasses, [.integer(self.lastClass ?? 0)])
      .map { (id: $0.integer(0), student: $0.text(1)) }
    let isFirst = self.lastClass == nil
    self.lastClass = newClasses.last?.id ?? self.lastClass ?? 0
    let before = self.tickets
    self.tickets = [:]
    var good: Set<String> = []
    // In the order of the line, so that a run reads the same each time.
    let rows = try connection.rows(
      "SELECT token, student, state FROM waiting_ticket ORDER BY abs(sequence)")
    for row in rows {
      let (token, ticket) = (row.text(0), Ticket(student: row.text(1), state: row.text(2)))
      self.tickets[token] = ticket
      self.note(token, isGood: ticket.isGood, at: moment)
      if ticket.isGood, !good.insert(ticket.student).inserted {
        wrong.append("\(ticket.student) has two places in the waiting room")
      }
      if ticket.isGood, self.givenUp.contains(token) {
        lost.append("a ticket of \(ticket.student), told given up, is \(ticket.state)")
      }
      guard !isFirst, before[token] != ticket else { continue }
      if ticket.state == "USED" {
        if let index = newClasses.firstIndex(where: { $0.student == ticket.student }) {
          self.uses[token] = newClasses.remove(at: index).id
          self.entries.append(Entry(student: ticket.student, token: token, moment: moment))
        } else {
          wrong.append("a turn of \(ticket.student) was used up for no class")
        }
      } else if let earlier = before[token], !earlier.isGood {
        wrong += try self.checkReturn(of: token, earlier, as: ticket, connection)
      }
    }
    if !isFirst {
      self.entries += newClasses.map { Entry(student: $0.student, token: nil, moment: moment) }
    }
    if !isFirst, self.everybodyNeedsTurn {
      wrong += newClasses.map { "class \($0.id) of \($0.student) came in without a turn" }
    }
    return (wrong.map { Violation(.i3, $0) } + lost.map { Violation(.i1, $0) })
      .filter { self.told.insert($0).inserted }
  }

  private mutating func note(_ token: String, isGood: Bool, at moment: Moment) {
    if isGood {
      if self.goodFrom[token] == nil { self.goodFrom[token] = moment }
      self.goodUntil[token] = nil
    } else if self.goodUntil[token] == nil {
      self.goodUntil[token] = moment.time
    }
  }

  /// A ticket that was over is good once more, or over for another reason.
  private mutating func checkReturn(
    of token: String, _ before: Ticket, as ticket: Ticket, _ connection: any SQLConnection
  ) throws -> [String] {
    guard before.state == "USED", ticket.state == "TURN" || ticket.state == "LEFT",
      let id = self.uses.removeValue(forKey: token),
      try connection.integer(Self.isLive, [.integer(id)]) == nil
    else { return ["a ticket of \(ticket.student) was \(before.state), and is \(ticket.state)"] }
    if ticket.state == "TURN" { self.givenBack += 1 } else { self.givenUpInUse += 1 }
    return []
  }
}
