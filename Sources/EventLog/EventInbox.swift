import Contracts
import FramedRPC
import Kernel
import Logging
import Storage

/// The operator's door to what a service could not handle: to see it, to try it again, to give it
/// up. Otherwise it is tried again each minute (``EventConsumer/parkedRetryInterval``) for ever.
package struct EventInbox: EventsV1.EventInboxServiceHandler {
  /// Most events on a page, and how many when the caller does not say.
  package static let pageSizes = (most: 500, usual: 100)
  /// Most events that an answer to a retry names.
  package static let maxBlocking = 100
  /// Most characters of a reason in an answer.
  package static let maxReasonLength = 1_000

  private let intakes: [EventIntake]
  private let database: any TransactionalDatabase
  private let clock: any WallClock
  private let logger: Logger

  /// - Parameter intakes: of all sources that the service follows, into one database.
  package init(
    _ intakes: [EventIntake], database: any TransactionalDatabase, clock: any WallClock,
    logger: Logger
  ) {
    self.intakes = intakes
    self.database = database
    self.clock = clock
    self.logger = logger
  }

  package func listParked(
    _ request: EventsV1.ListParkedRequest, _ context: RPCContext
  ) async throws -> EventsV1.ListParkedResponse {
    let key = try self.key(request.source, request.subject)
    guard (0...Self.pageSizes.most).contains(Int(request.pageSize)) else {
      throw Self.invalid("page_size must be 0 to \(Self.pageSizes.most)")
    }
    let size = request.pageSize == 0 ? Self.pageSizes.usual : Int(request.pageSize)
    guard let place = ParkedPlace(token: request.pageToken) else {
      throw Self.invalid("page_token is not one that ListParked answered")
    }
    let (events, total) = try await Self.storing {
      try await self.database.read { connection in
        (
          try ParkedEvents.page(key, after: place, atMost: size + 1, in: connection),
          try ParkedEvents.count(key, in: connection)
        )
      }
    }
    let page = events.prefix(size)
    let next = events.count > size ? page.last?.place.token : nil
    return EventsV1.ListParkedResponse(
      events: page.map(EventsV1.ParkedEvent.init), nextPageToken: next ?? "",
      total: Int64(total))
  }

  package func retryParked(
    _ request: EventsV1.RetryParkedRequest, _ context: RPCContext
  ) async throws -> EventsV1.RetryParkedResponse {
    let key = try self.key(request.source, request.subject)
    var handled = 0
    for intake in self.intakes where key.source == nil || key.source == intake.handler.source {
      handled += try await Self.storing {
        try await intake.retryParked(of: key.subject).settled
      }
    }
    let (blocking, remaining) = try await Self.storing {
      try await self.database.read { connection in
        (
          try ParkedEvents.blocking(key, atMost: Self.maxBlocking, in: connection),
          try ParkedEvents.count(key, in: connection)
        )
      }
    }
    return EventsV1.RetryParkedResponse(
      handled: Int64(handled), remaining: Int64(remaining),
      blocking: blocking.map(EventsV1.ParkedEvent.init))
  }

  package func skipParked(
    _ request: EventsV1.SkipParkedRequest, _ context: RPCContext
  ) async throws -> EventsV1.SkipParkedResponse {
    let wanted = try Wanted(request)
    let now = self.clock.now()
    let found = try await Self.storing {
      try await self.database.write { connection in
        try Self.skip(wanted, at: now, in: connection)
      }
    }
    guard let found else { throw wanted.notFound }
    if !found.isOld {
      // Ids only: nothing of what the event tells (trap T28).
      self.logger.warning(
        "event skipped",
        metadata: [
          "event.id": "\(found.event.id)", "event.type": "\(found.event.type)",
          "event.subject": "\(found.event.subject)", "event.source": "\(found.event.source)",
          "event.sequence": "\(found.event.sequence)", "request.id": "\(context.requestID ?? "")",
        ])
    }
    return EventsV1.SkipParkedResponse(
      event: EventsV1.ParkedEvent(found.event), alreadySkipped: found.isOld,
      remaining: Int64(found.remaining))
  }

  package func listCursors(
    _ request: EventsV1.ListCursorsRequest, _ context: RPCContext
  ) async throws -> EventsV1.ListCursorsResponse {
    var cursors: [EventsV1.EventCursor] = []
    for intake in self.intakes {
      let position = try await Self.storing { try await intake.position() }
      cursors.append(
        EventsV1.EventCursor(
          source: intake.handler.source, logID: position.logID ?? "",
          sequence: position.sequence, types: intake.handler.types))
    }
    return EventsV1.ListCursorsResponse(cursors: cursors)
  }

  /// What ``skipParked(_:_:)`` is to give up.
  private enum Wanted: Sendable {
    case id(String, source: String?)
    case blocking(source: String, subject: String)

    init(_ request: EventsV1.SkipParkedRequest) throws(RPCError) {
      switch (request.eventID.isEmpty, request.subject.isEmpty) {
      case (false, true):
        self = .id(request.eventID, source: request.source.isEmpty ? nil : request.source)
      case (true, false) where !request.source.isEmpty:
        self = .blocking(source: request.source, subject: request.subject)
      default:
        throw EventInbox.invalid("give event_id, or else source and subject")
      }
    }

    var notFound: RPCError {
      let what =
        switch self {
        case .id(let id, nil): "event '\(id)'"
        case .id(let id, let source?): "event '\(id)' of '\(source)'"
        case .blocking(let source, let subject): "event of '\(source)' about '\(subject)'"
        }
      return RPCError(.notFound, "no \(what) is parked here", reason: "not-parked")
    }
  }

  private struct Skipped: Sendable {
    let event: SkippedEvent
    /// It was given up before.
    let isOld: Bool
    let remaining: Int
  }

  private static func skip(
    _ wanted: Wanted, at now: Timestamp, in connection: any SQLConnection
  ) throws -> Skipped? {
    let parked: ParkedEvent?
    let last: SkippedEvent?
    switch wanted {
    case .id(let id, let source):
      parked = try ParkedEvents.event(id: id, source: source, in: connection)
      last = try SkippedEvents.event(id: id, source: source, in: connection)
    case .blocking(let source, let subject):
      let key = ParkedEvents.Key(source: source, subject: subject)
      // One that only waits was not tried yet: it is not what stands in the way, and a repeated
      // call must not give up the event after the one that it meant.
      let first = try ParkedEvents.next(key, after: 0, atMost: 1, in: connection).first
      parked = first?.hasFailed == true ? first : nil
      last = try SkippedEvents.last(source: source, subject: subject, in: connection)
      guard parked != nil || last != nil || first == nil else {
        throw RPCError(
          .failedPrecondition,
          "the first parked event of '\(source)' about '\(subject)' was not tried yet: retry first",
          reason: "not-tried")
      }
    }
    guard let event = parked.map(SkippedEvent.init) ?? last else { return nil }
    if let parked {
      try SkippedEvents.add(event, at: now, in: connection)
      try parked.remove(in: connection)
    }
    let key = ParkedEvents.Key(source: event.source, subject: event.subject)
    return Skipped(
      event: event, isOld: parked == nil, remaining: try ParkedEvents.count(key, in: connection))
  }

  // MARK: Requests

  private func key(_ source: String, _ subject: String) throws(RPCError) -> ParkedEvents.Key {
    let sources = self.intakes.map(\.handler.source)
    guard source.isEmpty || sources.contains(source) else {
      throw RPCError(
        .notFound,
        "no events of '\(source)' are taken here, only of \(sources.joined(separator: ", "))",
        reason: "unknown-source")
    }
    return ParkedEvents.Key(
      source: source.isEmpty ? nil : source, subject: subject.isEmpty ? nil : subject)
  }

  private static func invalid(_ message: String) -> RPCError {
    RPCError(.invalidArgument, message, reason: "validation-failed")
  }

  /// A store that takes nothing now is no mistake of the service.
  private static func storing<Answer: Sendable>(
    _ work: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await work()
    } catch let error as StorageError {
      throw RPCError(.unavailable, "the store takes nothing now: \(error)", reason: "storage")
    }
  }
}

extension ParkedPlace {
  /// `pay:7`
  var token: String { "\(self.source):\(self.sequence)" }

  /// - Returns: nil for what is no ``token``; the start for an empty text.
  init?(token: String) {
    guard !token.isEmpty else {
      self = .start
      return
    }
    guard let colon = token.lastIndex(of: ":"),
      let sequence = Int64(token[token.index(after: colon)...])
    else { return nil }
    self.init(source: String(token[..<colon]), sequence: sequence)
  }
}

extension EventsV1.ParkedEvent {
  init(_ parked: ParkedEvent) {
    let event = try? parked.event()
    self.init(
      id: event?.id ?? "", type: event?.type ?? "", source: parked.source,
      subject: parked.subject, sequence: parked.sequence,
      // A protobuf string cannot have a NUL.
      reason: String(parked.reason.prefix(EventInbox.maxReasonLength)).replacing("\0", with: "?"),
      parkedAt: parked.parkedAt?.rfc3339 ?? "", tries: parked.tries)
  }

  init(_ skipped: SkippedEvent) {
    self.init(
      id: skipped.id, type: skipped.type, source: skipped.source, subject: skipped.subject,
      sequence: skipped.sequence)
  }
}
