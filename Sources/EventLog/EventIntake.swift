import Contracts
import FramedRPC
import Kernel
import Logging
import Storage

/// Takes events into a store: each event's effect once, and a poison event out of the others' way.
package struct EventIntake: Sendable {
  /// Pauses between the tries at an event that cannot be handled, before it is parked: half a
  /// second in all, however many there are in a batch.
  package static let pauses: [Duration] = [.milliseconds(100), .milliseconds(400)]
  /// Most parked events taken up in one transaction.
  package static let retriedAtOnce = 256

  let handler: any EventHandler
  /// The types of events that are taken; none means all.
  package var types: [String] { self.handler.types }

  private let database: any TransactionalDatabase
  private let clock: any WallClock
  private let logger: Logger
  private let pause: @Sendable (Duration) async throws -> Void

  /// - Parameter pause: waits; for tests.
  package init(
    handler: any EventHandler, database: any TransactionalDatabase, clock: any WallClock,
    logger: Logger,
    pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.handler = handler
    self.database = database
    self.clock = clock
    self.logger = logger
    self.pause = pause
  }

  /// The last sequence up to which everything was handled.
  package func cursor() async throws -> Int64 {
    try await self.position().sequence
  }

  package func position() async throws -> InboxPosition {
    let source = self.handler.source
    return try await self.database.read { try InboxPosition(of: source, in: $0) }
  }

  /// Takes what the feed answered to a fetch from `position`, and goes on to the end of what was
  /// looked through for it: with one commit, and with none when nothing is new.
  ///
  /// - Throws: ``StorageError`` when the store cannot take anything now: the same fetch may be made
  ///   again later. ``InboxError``, also for an answer without events.
  package func take(
    _ answer: EventsV1.FetchResponse, from position: InboxPosition
  ) async throws {
    try position.check(logID: answer.logID, lastSequence: answer.lastSequence)
    let batch = Batch(
      events: answer.events, logID: answer.logID, after: position.sequence,
      through: answer.end)
    guard batch.isInOrder, batch.through <= answer.lastSequence else {
      throw InboxError.disorder(source: self.handler.source)
    }
    guard batch.through > position.sequence else { return }
    try await self.take(batch)
  }

  /// Takes some events, whatever others there are before, between and after them.
  ///
  /// - Throws: ``StorageError`` when the store cannot take anything now: nothing is lost when the
  ///   same events are taken again later. ``InboxError/otherLog(source:expected:found:)``.
  package func take(_ events: [EventsV1.Event], logID: String) async throws {
    guard !events.isEmpty else { return }
    try await self.take(Batch(events: events, logID: logID, after: 0, through: 0))
  }

  /// Events that come together.
  private struct Batch {
    let events: [EventsV1.Event]
    let logID: String
    /// All wanted events after `after` and up to `through` are in `events`.
    let after: Int64
    let through: Int64

    var isInOrder: Bool {
      var last = self.after
      return self.events.allSatisfy { event in
        defer { last = event.sequence }
        return event.sequence > last
      }
    }

    /// Passes over what nobody wants, up to `sequence`. A cursor before `after` is not of the
    /// fetch that brought this: then there may be wanted events between them.
    func pass(to sequence: Int64, _ inbox: inout Inbox) throws {
      guard self.through > 0, inbox.cursor >= self.after else { return }
      try inbox.advance(to: sequence)
    }
  }

  private func take(_ batch: Batch) async throws {
    do {
      try await self.handleTogether(batch)
    } catch  where Self.isPoison(error) {
      try await self.handleWithTrouble(batch)
    }
  }

  /// All of them or none: the way of nearly every batch.
  private func handleTogether(_ batch: Batch) async throws {
    let parked = try await self.database.write { connection in
      var inbox = try Inbox(source: self.handler.source, logID: batch.logID, in: connection)
      var parked: [EventsV1.Event] = []
      for event in batch.events {
        // No row is needed for an event that is next among the wanted ones.
        try batch.pass(to: event.sequence - 1, &inbox)
        if try self.handle(event, &inbox, in: connection) == .parked {
          parked.append(event)
        }
      }
      try batch.pass(to: batch.through, &inbox)
      try inbox.save()
      self.crashPoint(committed: false)
      return parked
    }
    self.crashPoint(committed: true)
    self.log(parked: parked)
  }

  private func crashPoint(committed: Bool) {
    if let point = CrashPoint.events(from: self.handler.source, committed: committed) {
      CrashPoint.reached(point)
    }
  }

  private enum Outcome {
    case handled
    /// Behind an earlier one of its subject.
    case parked
  }

  private func handle(
    _ event: EventsV1.Event, _ inbox: inout Inbox, in connection: any SQLConnection
  ) throws -> Outcome {
    guard try inbox.accept(event.sequence) else { return .handled }
    guard try !ParkedEvents.follows(event, at: self.clock.now(), in: connection) else {
      return .parked
    }
    try self.handler.handleInTrace(event, in: connection)
    return .handled
  }

  private func log(parked: [EventsV1.Event]) {
    for event in parked { self.logger.warning("event parked", metadata: event.ids) }
  }

  // MARK: Trouble

  /// One of them cannot be handled. The others go on before anybody waits; it gets a few tries more
  /// and is parked then, with those behind it.
  private func handleWithTrouble(_ batch: Batch) async throws {
    var withheld = try await self.handleEach(batch.events, logID: batch.logID)
    for pause in Self.pauses where !withheld.isEmpty {
      try await self.pause(pause)
      withheld = try await self.handleEach(withheld.map(\.event), logID: batch.logID)
    }
    try await self.finish(batch, parking: withheld)
  }

  /// An event that is not handled, and why; it is not marked as handled either.
  private struct Withheld {
    let event: EventsV1.Event
    let reason: String
    /// What it will have been tried when it is parked.
    let tries: Int
  }

  /// Handles what can be handled, in one transaction.
  private func handleEach(
    _ events: [EventsV1.Event], logID: String
  ) async throws -> [Withheld] {
    let (withheld, parked) = try await self.database.write { connection in
      var inbox = try Inbox(source: self.handler.source, logID: logID, in: connection)
      var withheld: [Withheld] = []
      var parked: [EventsV1.Event] = []
      var subjects: Set<String> = []
      for event in events {
        if subjects.contains(event.subject) {
          withheld.append(Withheld(event: event, reason: ParkedEvents.isBehind, tries: 0))
          continue
        }
        do {
          let (next, outcome) = try connection.attempt {
            var next = inbox
            let outcome = try self.handle(event, &next, in: connection)
            return (next, outcome)
          }
          inbox = next
          if outcome == .parked { parked.append(event) }
        } catch  where Self.isPoison(error) {
          withheld.append(
            Withheld(event: event, reason: "\(error)", tries: Self.pauses.count + 1))
          subjects.insert(event.subject)
        }
      }
      try inbox.save()
      return (withheld, parked)
    }
    self.log(parked: parked)
    return withheld
  }

  private func finish(_ batch: Batch, parking withheld: [Withheld]) async throws {
    let now = self.clock.now()
    let parked = try await self.database.write { connection in
      var inbox = try Inbox(source: self.handler.source, logID: batch.logID, in: connection)
      var parked: [EventsV1.Event] = []
      for one in withheld where try inbox.accept(one.event.sequence) {
        try ParkedEvents.park(
          one.event, reason: one.reason, tries: one.tries, at: now, in: connection)
        parked.append(one.event)
      }
      try batch.pass(to: batch.through, &inbox)
      try inbox.save()
      return parked
    }
    self.log(parked: parked)
  }

  /// SQLite's primary result codes for what is not the statement's fault: BUSY, LOCKED, NOMEM,
  /// READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN and PROTOCOL (sqlite.org/rescode.html).
  private static let passingCodes: Set<Int32> = [5, 6, 7, 8, 9, 10, 11, 13, 14, 15]

  /// Whether the event is to blame, rather than the state of the store. A handler does nothing but
  /// read the event and use the store, so whatever else it throws is its judgement on the event.
  private static func isPoison(_ error: any Error) -> Bool {
    switch error {
    case is InboxError, is CancellationError: false
    case StorageError.constraint: true
    case StorageError.sql(let code, _, _): !self.passingCodes.contains(code & 0xFF)
    // Overload, a closed store and the like pass.
    case is StorageError: false
    default: true
    }
  }

  // MARK: Parked events

  /// Takes parked events up again, the oldest first and those of one subject in their order: what
  /// can be handled now is, once, and is parked no longer.
  ///
  /// - Parameter subject: whose events alone; nil means all.
  /// - Returns: how many were handled, and how many stay parked.
  /// - Throws: ``StorageError`` when the store cannot take anything now.
  @discardableResult
  package func retryParked(of subject: String? = nil) async throws -> Settlement {
    let key = ParkedEvents.Key(source: self.handler.source, subject: subject)
    let count = try await self.database.read { try ParkedEvents.count(key, in: $0) }
    var round = ParkedRound()
    while round.seen < count {
      let before = round
      round = try await self.retry(key, after: before)
      for event in round.handled { self.logger.warning("event unparked", metadata: event.ids) }
      guard round.position > before.position else { break }
    }
    return Settlement(settled: round.settled, remaining: count - round.settled)
  }

  /// How far a round over the parked events has come.
  private struct ParkedRound {
    var position: Int64 = 0
    var seen = 0
    var settled = 0
    /// Those of the last transaction.
    var handled: [EventsV1.Event] = []
    /// Subjects whose first event still cannot be handled.
    var subjects: Set<String> = []
  }

  private func retry(
    _ key: ParkedEvents.Key, after last: ParkedRound
  ) async throws -> ParkedRound {
    let handler = self.handler
    return try await self.database.write { connection in
      var round = last
      round.handled = []
      let parked = try ParkedEvents.next(
        key, after: last.position, atMost: Self.retriedAtOnce, in: connection)
      for one in parked {
        round.position = one.sequence
        round.seen += 1
        if round.subjects.contains(one.subject) { continue }
        do {
          let event = try connection.attempt {
            let event = try one.event()
            try handler.handleInTrace(event, in: connection)
            try one.remove(in: connection)
            return event
          }
          round.settled += 1
          round.handled.append(event)
        } catch  where Self.isPoison(error) {
          round.subjects.insert(one.subject)
          try one.noteFailure("\(error)", in: connection)
        }
      }
      return round
    }
  }
}

extension EventsV1.FetchResponse {
  /// How far the log was looked through; a feed that does not say so looked as far as its events.
  var end: Int64 { max(self.through, self.events.last?.sequence ?? 0) }
}

extension EventsV1.Event {
  /// What a log line may say of it: nothing of what it tells (trap T28).
  var ids: Logger.Metadata {
    [
      "event.id": "\(self.id)", "event.type": "\(self.type)", "event.subject": "\(self.subject)",
    ]
  }
}
