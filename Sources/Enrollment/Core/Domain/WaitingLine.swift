import Kernel

/// The waiting room's state machine: who waits, whose turn it is, and how many registrations are
/// under way. It does no I/O and knows no time but what it is told.
///
/// Everything happens in the order of the calls; each of them first lets expire what is due and
/// hands out the turns that are free. Only tickets that are good are kept, and those that are not
/// saved as they are; the store has the others.
package struct WaitingLine: Sendable {
  private struct Place: Sendable {
    var ticket: WaitingTicket
    var lastSeen: Timestamp
    /// The holder knows that the turn has come, and need not ask again.
    var turnWasSeen = false
    /// A registration with this turn is under way.
    var isInUse = false
    /// Whether the ticket is in the store, in whatever state.
    var isStored = false
    /// While it is new: requests that are storing it.
    var savers = 0
    /// The second in which the place is looked at again; another second's check is void.
    var checkAt: Int64 = 0
  }

  /// What a registration holds while it is under way.
  package enum Passage: Hashable, Sendable {
    case withoutTurn
    case turn(WaitingToken)
  }

  private let policy: WaitingRoomPolicy
  private var places: [WaitingToken: Place] = [:]
  private var tokens: [String: WaitingToken] = [:]
  private var line = RankedLine<WaitingToken>()
  /// Turns that no registration uses now.
  private var idleTurns = 0
  private var turnsInUse = 0
  private var registrations = 0
  private var lastSequence: Int64
  private var rate = AdmissionRate()
  /// The tokens to be looked at, by second.
  private var checks: [Int64: [WaitingToken]] = [:]
  private var checkedUpTo: Int64 = 0
  /// Tickets that were given up while a registration used their turns.
  private var givenUpInUse: [WaitingToken: WaitingTicket] = [:]
  /// Tickets whose state the store does not know.
  private var unsaved: [WaitingToken: WaitingTicket] = [:]

  /// - Parameters:
  ///   - tickets: The good ones, as they were stored. Their holders could not ask meanwhile, so
  ///     everybody counts as just seen, and turns last as long as new ones.
  ///   - lastSequence: The highest that any ticket had, or 0.
  package init(
    _ policy: WaitingRoomPolicy, restoring tickets: [WaitingTicket] = [],
    lastSequence: Int64 = 0, at now: Timestamp
  ) {
    self.policy = policy
    self.lastSequence = lastSequence
    self.rate.resume(at: now)
    for ticket in tickets.sorted(by: { $0.sequence < $1.sequence }) where !ticket.state.isOver {
      self.places[ticket.token] = Place(ticket: ticket, lastSeen: now, isStored: true)
      self.tokens[ticket.student] = ticket.token
      if ticket.state == .turn {
        self.idleTurns += 1
        self.startTurn(of: ticket.token, at: now)
      } else {
        self.line.append(ticket.token)
        self.schedule(ticket.token)
      }
    }
    self.settle(at: now)
  }

  // MARK: Tickets

  /// The student's ticket, a new one at the end of the line if there is none.
  ///
  /// - Parameter token: For a new ticket.
  /// - Returns: `mustBeSaved`: the ticket is not known to be in the store, so it must be saved before
  ///   anybody is told of it.
  package mutating func enter(
    _ student: String, for courseID: CourseID, token: WaitingToken, at now: Timestamp
  ) -> (standing: WaitingStanding, isNew: Bool, mustBeSaved: Bool) {
    self.settle(at: now)
    if let known = self.tokens[student], let standing = self.look(at: known, at: now) {
      let isStored = self.places[known]?.isStored ?? false
      if !isStored { self.places[known]?.savers += 1 }
      return (standing, false, !isStored)
    }
    self.lastSequence += 1
    let ticket = WaitingTicket(
      token: token, sequence: self.lastSequence, student: student, courseID: courseID,
      takenAt: now)
    if self.line.isEmpty { self.rate.resume(at: now) }
    self.places[token] = Place(ticket: ticket, lastSeen: now, savers: 1)
    self.tokens[student] = token
    self.line.append(token)
    self.schedule(token)
    self.handOut(at: now)
    return (self.look(at: token, at: now) ?? WaitingStanding(ticket: ticket), true, true)
  }

  /// The student whose ticket it is, without a sign of life from them; nil when it is not kept here.
  package func holder(of token: WaitingToken) -> String? {
    (self.places[token]?.ticket ?? self.unsaved[token])?.student
  }

  /// The holder asks for the ticket, which keeps it alive.
  ///
  /// - Returns: nil when the ticket is not kept here.
  package mutating func see(_ token: WaitingToken, at now: Timestamp) -> WaitingStanding? {
    self.settle(at: now)
    return self.look(at: token, at: now)
      ?? self.unsaved[token].map { WaitingStanding(ticket: $0) }
  }

  /// The holder gives up the place.
  ///
  /// - Returns: The ticket, to be saved; nil when it is not kept here.
  package mutating func leave(_ token: WaitingToken, at now: Timestamp) -> WaitingTicket? {
    self.end(token, as: .left, at: now)
    self.settle(at: now)
    return self.unsaved[token]
  }

  /// Lets expire what is due, and hands out the turns that are free.
  package mutating func settle(at now: Timestamp) {
    self.expire(at: now)
    self.handOut(at: now)
  }

  // MARK: Registrations

  /// Lets a registration begin; ``finish(_:succeeded:at:)`` must follow.
  package mutating func begin(
    _ student: String, with token: WaitingToken?, at now: Timestamp
  ) throws(WaitingRoomError) -> Passage {
    self.settle(at: now)
    guard let token else {
      guard self.policy.mode == .auto, self.line.isEmpty, self.hasRoom else {
        // With room there is a turn for the next who takes a ticket.
        let wait = self.hasRoom ? 0 : self.estimatedWait(at: self.line.count + 1, now)
        throw .wait(
          position: nil, retryAfterSeconds: self.policy.pollAfterSeconds(estimatedWait: wait))
      }
      self.registrations += 1
      return .withoutTurn
    }
    // Before it is seen: it lives by its holder's signs of life.
    if let holder = self.holder(of: token), holder != student { throw .ticketOfAnother }
    guard let standing = self.look(at: token, at: now) else {
      if let ended = self.unsaved[token] { throw .ticketOver(ended.state) }
      throw .ticketUnknown
    }
    if let position = standing.position {
      throw .wait(position: position, retryAfterSeconds: standing.retryAfterSeconds ?? 1)
    }
    guard self.places[token]?.isInUse == false else { throw .turnInUse }
    self.places[token]?.isInUse = true
    self.idleTurns -= 1
    self.turnsInUse += 1
    self.registrations += 1
    return .turn(token)
  }

  /// The ticket that a registration is let in with.
  package func turn(of passage: Passage) -> WaitingTicket? {
    guard case .turn(let token) = passage else { return nil }
    return self.places[token]?.ticket
  }

  /// The ticket, when it was given up while a registration uses its turn.
  package func givenUp(_ token: WaitingToken) -> WaitingTicket? { self.givenUpInUse[token] }

  /// A registration is over. A turn is used up by success only.
  ///
  /// - Returns: The ticket that was used up, to be saved.
  package mutating func finish(
    _ passage: Passage, succeeded: Bool, at now: Timestamp
  ) -> WaitingTicket? {
    self.registrations -= 1
    var used: WaitingTicket?
    if case .turn(let token) = passage, self.places[token] != nil {
      if succeeded {
        self.end(token, as: .used, at: now)
        used = self.unsaved[token]
      } else {
        self.places[token]?.isInUse = false
        self.turnsInUse -= 1
        self.idleTurns += 1
      }
    } else if case .turn(let token) = passage,
      let ticket = self.givenUpInUse.removeValue(forKey: token), !succeeded
    {
      // In the store it may be good, or used up by a class that there is not.
      self.unsaved[token] = ticket
    }
    self.settle(at: now)
    return used
  }

  // MARK: What the store knows

  /// Tickets whose state the store does not know, at most `count`.
  package func unsavedTickets(atMost count: Int) -> [WaitingTicket] {
    self.unsaved.values.prefix(count).map(\.self)
  }

  /// Whether the ticket has a turn that the store does not know.
  package func hasUnsavedTurn(_ token: WaitingToken) -> Bool {
    self.unsaved[token]?.state == .turn
  }

  /// The store has these tickets as they are here.
  package mutating func saved(_ tickets: [WaitingTicket]) {
    for ticket in tickets {
      self.places[ticket.token]?.isStored = true
      if self.unsaved[ticket.token] == ticket { self.unsaved[ticket.token] = nil }
    }
  }

  /// One that had to save a new ticket could not. It ends unless it was saved in the meantime, or
  /// another request of the student, which may tell of it, is still saving it.
  package mutating func withdraw(_ token: WaitingToken, at now: Timestamp) {
    self.places[token]?.savers -= 1
    guard let place = self.places[token], !place.isStored, place.savers <= 0 else { return }
    self.end(token, as: .expired, at: now)
    self.settle(at: now)
  }

  package mutating func status(at now: Timestamp) -> WaitingRoomStatus {
    self.settle(at: now)
    return WaitingRoomStatus(
      mode: self.policy.mode, waiting: self.line.count, turns: self.idleTurns + self.turnsInUse,
      registrations: self.registrations, limit: self.policy.limit,
      admissionsPerSecond: self.rate.perSecond(at: now) ?? 0)
  }

  // MARK: - Turns

  private var hasRoom: Bool { self.idleTurns + self.registrations < self.policy.limit }

  private mutating func handOut(at now: Timestamp) {
    while self.policy.mode == .off || self.hasRoom, let token = self.line.first {
      self.rate.admitted(at: now)
      self.line.remove(token)
      self.idleTurns += 1
      self.startTurn(of: token, at: now)
    }
  }

  private mutating func startTurn(of token: WaitingToken, at now: Timestamp) {
    self.places[token]?.ticket.giveTurn(
      until: now.adding(seconds: Int64(self.policy.turnSeconds)))
    self.unsaved[token] = self.places[token]?.ticket
    self.schedule(token)
  }

  /// Does nothing to a ticket that is over.
  private mutating func end(
    _ token: WaitingToken, as state: WaitingTicket.State, at now: Timestamp
  ) {
    guard var place = self.places.removeValue(forKey: token) else { return }
    self.tokens[place.ticket.student] = nil
    switch (place.ticket.state, place.isInUse) {
    case (.turn, true): self.turnsInUse -= 1
    case (.turn, false): self.idleTurns -= 1
    default: self.line.remove(token)
    }
    place.ticket.end(as: state, at: now)
    if place.isInUse, state == .left { self.givenUpInUse[token] = place.ticket }
    self.unsaved[token] = place.ticket
  }

  private mutating func look(at token: WaitingToken, at now: Timestamp) -> WaitingStanding? {
    guard let ticket = self.places[token]?.ticket else { return nil }
    self.places[token]?.lastSeen = now
    guard let position = self.line.position(of: token) else {
      self.places[token]?.turnWasSeen = true
      return WaitingStanding(ticket: ticket)
    }
    let wait = self.estimatedWait(at: position, now)
    return WaitingStanding(
      ticket: ticket, position: position, estimatedWaitSeconds: wait,
      retryAfterSeconds: self.policy.pollAfterSeconds(estimatedWait: wait))
  }

  /// From the rate of late; never more than the longest wait that the limits allow.
  private mutating func estimatedWait(at position: Int, _ now: Timestamp) -> Int {
    let longest = self.policy.longestWaitSeconds(at: position)
    guard let rate = self.rate.perSecond(at: now), Double(longest) * rate > Double(position)
    else { return longest }
    return max(1, Int((Double(position) / rate).rounded(.up)))
  }

  // MARK: - Time

  /// When the place ends if nothing happens.
  private func deadline(of place: Place) -> Timestamp {
    let unseen = place.lastSeen.adding(seconds: Int64(self.policy.ticketSeconds))
    guard let turnExpiresAt = place.ticket.turnExpiresAt else { return unseen }
    // Whoever asks no more never hears of the turn, and must not hold it up.
    return place.turnWasSeen ? turnExpiresAt : min(unseen, turnExpiresAt)
  }

  private mutating func schedule(_ token: WaitingToken, notBefore second: Int64 = 0) {
    guard let place = self.places[token] else { return }
    let second = max(self.deadline(of: place).nextWholeSecond, second)
    self.places[token]?.checkAt = second
    self.checks[second, default: []].append(token)
  }

  private mutating func expire(at now: Timestamp) {
    let second = now.wholeSeconds
    guard second > self.checkedUpTo else { return }
    self.checkedUpTo = second
    for due in self.checks.keys.filter({ $0 <= second }).sorted() {
      for token in self.checks.removeValue(forKey: due) ?? [] {
        guard let place = self.places[token], place.checkAt == due else { continue }
        if place.isInUse || self.deadline(of: place) > now {
          self.schedule(token, notBefore: second + 1)
        } else {
          self.end(token, as: .expired, at: now)
        }
      }
    }
  }
}
