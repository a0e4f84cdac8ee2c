import EnrollmentCore
import SugangServices

/// I3, I7: what must hold of the waiting room's door: who came in, and who was sent away.
///
/// The room decides in memory, at a moment that nobody outside sees. So each decision is compared
/// with what was certainly so from the earliest moment at which it may have been taken to the latest,
/// in one life of the service:
///
/// * In mode `auto`, nobody comes in without a turn while somebody waits.
/// * Nobody comes in without a turn, and no turn is handed out, while as many as the limit register
///   or have a turn.
/// * In mode `auto`, nobody is told to wait for whom there is a place, and nobody before them.
struct DoorChecker: ViolationNoter {
  /// A time in one life of Enrollment, in virtual microseconds.
  private struct Span {
    let from: Int64
    var until: Int64
    let starts: Int

    func covers(_ other: Span) -> Bool {
      self.starts == other.starts && self.from <= other.from && other.until <= self.until
    }
  }

  /// Somebody who waits, or who has a place among those that the limit allows.
  private struct Stay {
    let student: String
    /// nil without a ticket.
    let token: String?
    var span: Span
  }

  private let room: WaitingRoomSettings
  private let history: History
  private let watch: RoomWatch
  private let calls: [ServedCall]
  /// See ``Node/stopTimes``.
  private let stopTimes: [Int: Int64]
  /// Of each ticket, what its student was told by a life that is known, in the order of the answers.
  private let looks: [String: [TicketLook]]
  var violations: [Violation] = []

  static func violations(of world: World) -> [Violation] {
    guard world.hasRush else { return [] }
    var checker = DoorChecker(world)
    checker.checkEntries()
    checker.checkRefusals()
    return checker.violations
  }

  private init(_ world: World) {
    self.room = world.settings.waitingRoom
    self.history = world.history
    self.watch = world.roomWatch
    self.calls = world.doorCalls
    self.stopTimes = world.node(.class).stopTimes
    self.looks = Dictionary(
      grouping: world.history.tickets.filter { $0.isOfOneLife && $0.told.answer != nil }
    ) { $0.told.answer?.ticket.token.value ?? "" }
  }

  // MARK: Who came in

  private mutating func checkEntries() {
    let newcomers = self.watch.entries.filter { $0.token == nil }.map {
      Stay(
        student: $0.student, token: nil,
        span: Span(from: $0.began, until: $0.moment.time, starts: $0.moment.starts))
    }
    let (waits, places, limit) = (self.waits(), self.places(), self.room.limit)
    if self.room.mode == .auto {
      for newcomer in newcomers {
        let waiting = waits.first { $0.span.covers(newcomer.span) }
        self.expect(
          waiting == nil, .i3,
          "\(newcomer.student) came in without a turn while \(waiting?.student ?? "") waited")
      }
    }
    for (admitted, what) in newcomers.map({ ($0, "came in") })
      + self.handingsOut().map({ ($0, "was given a turn") })
    {
      let others = places.filter {
        $0.span.covers(admitted.span) && ($0.token == nil || $0.token != admitted.token)
      }
      self.expect(
        others.count < limit, .i3,
        "\(admitted.student) \(what) beside \(others.count), of \(limit) at a time")
    }
  }

  /// Who was told to wait waited since the ticket was on the disk, or since the first word of it in
  /// that life of the service.
  private func waits() -> [Stay] {
    var stays: [Stay] = []
    for (token, looks) in self.looks {
      let waits = Dictionary(grouping: looks.filter { Self.state($0) == .waiting }, by: \.starts)
      for (starts, waits) in waits {
        var from = waits.map(\.answered)
        if let stored = self.watch.goodFrom[token], stored.starts == starts {
          from.append(stored.time)
        }
        guard let from = from.min(), let until = waits.map(\.asked).max(), from <= until else {
          continue
        }
        stays.append(
          Stay(
            student: waits[0].student, token: token,
            span: Span(from: from, until: until, starts: starts)))
      }
    }
    return stays
  }

  /// When a turn was handed out: after its student was told to wait, or had asked for the ticket at
  /// all, and before the student was told of the turn.
  private func handingsOut() -> [Stay] {
    self.looks.compactMap { token, looks in
      guard let index = looks.firstIndex(where: { Self.state($0) == .turn }) else { return nil }
      let told = looks[index]
      // Restored turns were handed out in another life.
      guard self.history.tickets.first(where: { self.token($0) == token })?.starts == told.starts
      else { return nil }
      let before = index > 0 ? looks[index - 1].asked : self.firstAsked(told)
      return Stay(
        student: told.student, token: token,
        span: Span(from: before, until: told.answered, starts: told.starts))
    }
  }

  /// The first request that the ticket may come from: an answer may have been lost.
  private func firstAsked(_ look: TicketLook) -> Int64 {
    self.history.tickets.lazy.filter { $0.student == look.student && $0.token == nil }
      .map(\.asked).min() ?? 0
  }

  /// Who certainly had one of the places that the limit allows: with a turn from when its student was
  /// told of it until it was last seen or used, and with a class from its coming until the last unit
  /// of work of its registration.
  private func places() -> [Stay] {
    var places = self.watch.entries.filter { $0.token == nil }.map(self.registration(of:))
    let uses = Dictionary(grouping: self.watch.entries) { $0.token ?? "" }
    for token in Set(self.looks.keys).union(uses.keys).subtracting([""]) {
      // A turn may be used more than once: a class that fails gives it back.
      let registrations = (uses[token] ?? []).map(self.registration(of:))
      let turns = (self.looks[token] ?? []).filter { Self.state($0) == .turn }
      for starts in Set(registrations.map(\.span.starts) + turns.map(\.starts)) {
        let spans = registrations.map(\.span).filter { $0.starts == starts }
        let told = turns.filter { $0.starts == starts }
        guard let from = (told.map(\.answered) + spans.map(\.from)).min(),
          let until = (told.map(\.asked) + spans.map(\.until)).max(), from <= until
        else { continue }
        let student = told.first?.student ?? registrations.first?.student ?? ""
        places.append(
          Stay(
            student: student, token: token,
            span: Span(from: from, until: until, starts: starts)))
      }
    }
    return places
  }

  private func registration(of entry: RoomWatch.Entry) -> Stay {
    let time = entry.moment.time
    return Stay(
      student: entry.student, token: entry.token,
      span: Span(
        from: time, until: max(time, entry.moment.registration?.lastWrite ?? time),
        starts: entry.moment.starts))
  }

  // MARK: Who was sent away

  /// Not while the database takes no writes: what came of the last is not known in that life, and the
  /// room may hold a turn for somebody who has used it.
  private mutating func checkRefusals() {
    guard self.room.mode == .auto else { return }
    for one in self.history.registrations
    where one.token == nil && one.code == WaitingRoomError.waitCode
      && one.startsBefore == one.starts && one.answered < self.stopTimes[one.starts] ?? .max
    {
      let others = self.calls.filter { call in
        call.starts == one.starts && call.began <= one.answered
          && call.ended ?? .max >= one.asked
      }
      let hasTickets =
        others.contains(where: \.takesTicket)
        || self.watch.goodFrom.contains { token, good in
          good.time <= one.answered && self.watch.goodUntil[token] ?? .max >= one.asked
        }
      // One of them is its own.
      let registrations = others.count { $0.registers } - 1
      let isFull = registrations >= self.room.limit
      self.expect(
        hasTickets || isFull, .i7,
        "\(one.student) was sent away from an empty room")
    }
  }

  private static func state(_ look: TicketLook) -> WaitingTicket.State? {
    look.told.answer?.ticket.state
  }

  private func token(_ look: TicketLook) -> String? { look.told.answer?.ticket.token.value }
}
