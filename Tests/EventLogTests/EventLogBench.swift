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

  /// - Parameter migrations: of an earlier version, for tests of what it left.
  init(
    folder: TemporaryFolder? = nil, migrations: [Migration] = EventLogSchema.migrations
  ) throws {
    let folder = try folder ?? TemporaryFolder()
    self.folder = folder
    self.database = try SQLiteDatabase(
      path: folder.path + "/log.sqlite", migrations: migrations + [Self.effects],
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
      handler: handler, database: self.database, clock: Self.clock, logger: Self.quiet,
      pause: pause)
  }

  /// The operator's door to what a service with these handlers parked.
  func inbox(_ handlers: any EventHandler..., logger: Logger = EventLogBench.quiet) -> EventInbox {
    EventInbox(
      handlers.map { self.intake($0) }, database: self.database, clock: Self.clock, logger: logger)
  }

  static let clock = StandingClock()
}

/// It is always 2026-03-02T00:00:00Z.
struct StandingClock: WallClock {
  func now() -> Timestamp { Timestamp(microseconds: 1_772_409_600_000_000) }
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
func incoming(
  _ sequence: Int64, subject: String = "1", source: String = "test"
) -> EventsV1.Event {
  EventsV1.Event(
    id: "\(source)-log-\(sequence)", type: "ClassCanceled", version: 1, source: source,
    subject: subject, sequence: sequence)
}

/// Keeps the lines of a log.
struct RecordedLog: LogHandler {
  final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  let lines = Lines()
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { self.metadata[key] }
    set { self.metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
    self.lines.all.withLock { $0.append(line) }
  }
}
