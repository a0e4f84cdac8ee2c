import Contracts
import FramedRPC
import Logging
import Storage

/// Takes events into a store: each event's effect once, and a poison event out of the others' way.
package struct EventIntake: Sendable {
  /// Tries before an event is parked.
  package static let maxAttempts = 3

  private let handler: any EventHandler
  private let database: SQLiteDatabase
  private let logger: Logger

  package init(handler: any EventHandler, database: SQLiteDatabase, logger: Logger) {
    self.handler = handler
    self.database = database
    self.logger = logger
  }

  /// The last sequence up to which everything was handled.
  package func cursor() async throws -> Int64 {
    let source = self.handler.source
    return try await self.database.read { connection in
      try connection.integer(
        "SELECT sequence FROM inbox_cursor WHERE source = ?", [.text(source)]) ?? 0
    }
  }

  /// Handles a batch, in one transaction when nothing is wrong with it.
  ///
  /// - Throws: ``StorageError`` when the store cannot take anything now, ``InboxError``.
  package func take(_ events: [EventsV1.Event], logID: String) async throws {
    guard !events.isEmpty else { return }
    do {
      try await self.handle(events, logID: logID)
    } catch  where Self.isPoison(error) {
      // One of them cannot be handled: find it alone, so that the others go on.
      for event in events {
        try await self.takeAlone(event, logID: logID)
      }
    }
  }

  private func handle(_ events: [EventsV1.Event], logID: String) async throws {
    let handler = self.handler
    try await self.database.write { connection in
      var inbox = try Inbox(source: handler.source, logID: logID, in: connection)
      for event in events where try inbox.accept(event.sequence) {
        if try !ParkedEvents.follows(event, in: connection) {
          try handler.handle(event, in: connection)
        }
      }
      try inbox.save()
    }
  }

  private func takeAlone(_ event: EventsV1.Event, logID: String) async throws {
    for attempt in 1...Self.maxAttempts {
      do {
        return try await self.handle([event], logID: logID)
      } catch  where Self.isPoison(error) {
        self.logger.warning(
          "event failed",
          metadata: [
            "event.id": "\(event.id)", "event.type": "\(event.type)", "attempt": "\(attempt)",
            "error": "\(error)",
          ])
        if attempt == Self.maxAttempts {
          try await self.park(event, logID: logID, reason: "\(error)")
        }
      }
    }
  }

  private func park(_ event: EventsV1.Event, logID: String, reason: String) async throws {
    let source = self.handler.source
    try await self.database.write { connection in
      var inbox = try Inbox(source: source, logID: logID, in: connection)
      if try inbox.accept(event.sequence) {
        try ParkedEvents.park(event, reason: reason, in: connection)
      }
      try inbox.save()
    }
    self.logger.error(
      "event parked",
      metadata: ["event.id": "\(event.id)", "event.subject": "\(event.subject)"])
  }

  /// Whether the event is to blame, rather than the state of the store.
  private static func isPoison(_ error: any Error) -> Bool {
    switch error {
    case is InboxError, is CancellationError: false
    case let error as StorageError:
      switch error {
      case .constraint, .sql: true
      default: false
      }
    default: true
    }
  }
}

/// Events that could not be handled, and those after them about the same subject: the key is
/// parked, the others flow (trap T14).
enum ParkedEvents {
  /// Parks the event too when an earlier one about its subject is parked.
  static func follows(_ event: EventsV1.Event, in connection: any SQLConnection) throws -> Bool {
    let isBehind = try connection.integer(
      "SELECT 1 FROM parked_event WHERE source = ? AND subject = ? LIMIT 1",
      [.text(event.source), .text(event.subject)])
    guard isBehind != nil else { return false }
    try Self.park(event, reason: "an earlier event of the subject is parked", in: connection)
    return true
  }

  static func park(
    _ event: EventsV1.Event, reason: String, in connection: any SQLConnection
  ) throws {
    try connection.execute(
      "INSERT INTO parked_event (source, sequence, subject, reason, event) VALUES (?, ?, ?, ?, ?)",
      [
        .text(event.source), .integer(event.sequence), .text(event.subject), .text(reason),
        .blob(try event.encodedBytes()),
      ])
  }
}
