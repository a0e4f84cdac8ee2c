import Contracts
import EventLog
import FramedRPC
import Kernel
import Logging
import Storage
import Synchronization
import TestSupport

/// A database with the tables of the event log, and a table that counts what handlers did.
final class EventLogBench: Sendable {
  let folder: TemporaryFolder
  let database: SQLiteDatabase
  let outbox: Outbox

  static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()

  private static let effects = Migration(
    name: "effects",
    sql: "CREATE TABLE effect (sequence INTEGER NOT NULL, subject TEXT NOT NULL) STRICT;")

  init(folder: TemporaryFolder? = nil) throws {
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    self.database = try SQLiteDatabase(
      path: folder.path + "/log.sqlite", migrations: EventLogSchema.migrations + [Self.effects],
      logger: Self.quiet)
    self.outbox = Outbox(source: "test", database: self.database)
  }

  /// Publishes `count` events in one transaction.
  func publish(
    _ count: Int = 1, subject: String = "1", type: String = "ClassCanceled"
  ) async throws {
    try await self.database.write { connection in
      for _ in 0..<count {
        try self.outbox.append(try Self.event(subject: subject, type: type), in: connection)
      }
    }
  }

  static func event(subject: String, type: String = "ClassCanceled") throws -> OutgoingEvent {
    OutgoingEvent(
      type: type, subject: subject, correlationID: subject,
      time: Timestamp(microseconds: 0), cause: Cause(id: "request"),
      data: try EnrollmentV1.ClassCanceled(id: 1).encodedBytes())
  }

  /// The sequences whose effect happened, in order; twice if it happened twice.
  func effects() async throws -> [Int64] {
    try await self.database.read { connection in
      try connection.rows("SELECT sequence FROM effect ORDER BY sequence").map { $0.integer(0) }
    }
  }

  /// Events handled ahead of the cursor.
  func earlyRows() async throws -> Int64? {
    try await self.database.read { try $0.integer("SELECT count(*) FROM inbox") }
  }

  /// The subjects and sequences of what is parked, the oldest first.
  func parked() async throws -> [String] {
    try await self.database.read { connection in
      try connection.rows("SELECT subject, sequence FROM parked_event ORDER BY sequence")
        .map { "\($0.text(0)) \($0.integer(1))" }
    }
  }

  func intake(
    _ handler: any EventHandler = CountingHandler(),
    pause: @escaping @Sendable (Duration) async throws -> Void = { _ in }
  ) -> EventIntake {
    EventIntake(
      handler: handler, database: self.database, logger: Self.quiet, pause: pause)
  }
}

/// Writes a row for each event it handles; cannot handle those of one subject.
struct CountingHandler: EventHandler {
  struct Refusal: Error {}

  var source = "test"
  var types: [String] = []
  var refusedSubject: String?

  func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    try connection.execute(
      "INSERT INTO effect (sequence, subject) VALUES (?, ?)",
      [.integer(event.sequence), .text(event.subject)])
    if event.subject == self.refusedSubject { throw Refusal() }
  }
}

/// Handles as ``CountingHandler`` does, after as many failures as it is told.
final class FailingHandler: EventHandler {
  let source = "test"
  let types: [String] = []
  private let failuresLeft: Mutex<Int>
  private let error: any Error

  init(times: Int, _ error: any Error = CountingHandler.Refusal()) {
    self.failuresLeft = Mutex(times)
    self.error = error
  }

  func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    try CountingHandler().handle(event, in: connection)
    let fails = self.failuresLeft.withLock { left in
      left -= 1
      return left >= 0
    }
    if fails { throw self.error }
  }
}

/// An event as it comes from a feed.
func incoming(_ sequence: Int64, subject: String = "1") -> EventsV1.Event {
  EventsV1.Event(
    id: "test-log-\(sequence)", type: "ClassCanceled", version: 1, source: "test",
    subject: subject, sequence: sequence)
}
