import Contracts
import EventLog
import FramedRPC
import Kernel
import Logging
import NIOPosix
import Storage
import Synchronization
import Testing

@Suite("The operator's door to parked events")
struct EventInboxTests {
  private typealias Client = EventsV1.EventInboxServiceClient

  /// Two subjects that are held up, and one that is not.
  private static let events = [
    incoming(1, subject: "good"), incoming(2, subject: "bad"), incoming(3, subject: "worse"),
    incoming(4, subject: "bad"), incoming(5, subject: "good"), incoming(6, subject: "bad"),
  ]

  /// A bench where events 2 and 3 could not be handled, so that 4 and 6 wait.
  private static func parkedBench() async throws -> EventLogBench {
    let bench = try EventLogBench()
    try await bench.intake(PickyHandler([2, 3])).take(self.events, logID: "log")
    #expect(try await bench.parked() == ["bad 2", "worse 3", "bad 4", "bad 6"])
    return bench
  }

  /// Serves `inbox` in-process while `body` runs.
  private static func serving(
    _ inbox: EventInbox, _ body: (Client) async throws -> Void
  ) async throws {
    let network = InProcessNetwork()
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try RPCServer(
      services: [EventsV1.EventInboxService.register(inbox)], group: group)
    let address = RPCAddress.inProcess("inbox", in: network)
    try await server.listen(on: address)
    let client = RPCClient(address: address, group: group)
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await body(Client(client)))
    } catch {
      outcome = .failure(error)
    }
    client.shutdown()
    await server.shutdown(grace: .seconds(1))
    try outcome.get()
  }

  @Test("how far the events of each source were taken is told")
  func cursors() async throws {
    let bench = try await Self.parkedBench()
    let handlers: [any EventHandler] = [PickyHandler([]), PickyHandler([], source: "other")]
    try await Self.serving(bench.inbox(handlers[0], handlers[1])) { inbox in
      let cursors = try await inbox.listCursors(.init()).cursors
      #expect(cursors.map(\.source) == ["test", "other"])
      #expect(cursors.map(\.logID) == ["log", ""])
      // Parked is taken, too.
      #expect(cursors.map(\.sequence) == [Int64(Self.events.count), 0])
    }
  }

  // MARK: List

  @Test("T14: parked events are listed with what an operator has to know, page by page")
  func lists() async throws {
    let bench = try await Self.parkedBench()
    try await bench.intake(PickyHandler([1], source: "other"))
      .take([incoming(1, subject: "bad", source: "other")], logID: "log")
    let handlers: [any EventHandler] = [PickyHandler([]), PickyHandler([], source: "other")]
    try await Self.serving(bench.inbox(handlers[0], handlers[1])) { inbox in
      let first = try await inbox.listParked(.init(pageSize: 3))
      #expect(first.total == 5)
      #expect(first.events.map(\.id) == ["other-log-1", "test-log-2", "test-log-3"])
      let second = try await inbox.listParked(.init(pageSize: 3, pageToken: first.nextPageToken))
      #expect(second.events.map(\.id) == ["test-log-4", "test-log-6"])
      #expect(second.nextPageToken == "")

      let all = try await inbox.listParked(.init(source: "test", subject: "bad"))
      #expect(all.total == 3 && all.nextPageToken == "")
      #expect(
        all.events.first
          == EventsV1.ParkedEvent(
            id: "test-log-2", type: "ClassCanceled", source: "test", subject: "bad", sequence: 2,
            reason: "Refusal()", parkedAt: "2026-03-02T00:00:00.000000Z",
            tries: Int64(EventIntake.pauses.count + 1)))
      #expect(all.events.map(\.tries).dropFirst() == [0, 0])
      #expect(all.events.last?.reason == "an earlier event of the subject is parked")
    }
  }

  @Test("a request that cannot be is refused with the reason")
  func refuses() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([]))) { inbox in
      await Self.expect(.notFound, "unknown-source") {
        _ = try await inbox.listParked(.init(source: "nobody"))
      }
      await Self.expect(.notFound, "unknown-source") {
        _ = try await inbox.retryParked(.init(source: "nobody"))
      }
      for size: Int32 in [-1, 501] {
        await Self.expect(.invalidArgument, "validation-failed") {
          _ = try await inbox.listParked(.init(pageSize: size))
        }
      }
      await Self.expect(.invalidArgument, "validation-failed") {
        _ = try await inbox.listParked(.init(pageToken: "7"))
      }
      for request in [
        EventsV1.SkipParkedRequest(), .init(source: "test"), .init(subject: "bad"),
        .init(source: "test", eventID: "test-log-2", subject: "bad"),
      ] {
        await Self.expect(.invalidArgument, "validation-failed") {
          _ = try await inbox.skipParked(request)
        }
      }
      for request in [
        EventsV1.SkipParkedRequest(eventID: "test-log-1"), .init(eventID: "nonsense"),
        // Its sequence alone is not the event.
        .init(eventID: "test-other-2"), .init(source: "other", eventID: "test-log-2"),
        .init(source: "test", subject: "good"), .init(source: "other", subject: "bad"),
      ] {
        await Self.expect(.notFound, "not-parked") { _ = try await inbox.skipParked(request) }
      }
      // Nobody knows yet whether the next one can be handled.
      try await bench.database.write {
        try $0.execute("DELETE FROM parked_event WHERE sequence = 2")
      }
      await Self.expect(.failedPrecondition, "not-tried") {
        _ = try await inbox.skipParked(.init(source: "test", subject: "bad"))
      }
      let left = try await inbox.listParked(.init())
      #expect(left.total == 3)
    }
  }

  private static func expect(
    _ status: RPCStatus, _ reason: String, _ call: () async throws -> Void,
    at location: SourceLocation = #_sourceLocation
  ) async {
    let error = await #expect(throws: RPCError.self, sourceLocation: location) {
      try await call()
    }
    #expect(error?.status == status, sourceLocation: location)
    #expect(error?.reason == reason, sourceLocation: location)
  }

  // MARK: Retry

  @Test("T14: a retry handles what can be handled now, and says what holds the rest up")
  func retries() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([3, 6]))) { inbox in
      let worse = try await inbox.retryParked(.init(source: "test", subject: "worse"))
      #expect(worse.handled == 0 && worse.remaining == 1)
      #expect(worse.blocking.map(\.id) == ["test-log-3"])
      #expect(worse.blocking.map(\.tries) == [Int64(EventIntake.pauses.count + 2)])
      #expect(try await bench.effects() == [1, 5])

      let all = try await inbox.retryParked(.init())
      #expect(all.handled == 2 && all.remaining == 2)
      #expect(all.blocking.map(\.id) == ["test-log-3", "test-log-6"])
      #expect(all.blocking.map(\.reason) == ["Refusal()", "Refusal()"])
      #expect(all.blocking.last?.tries == 1)
      #expect(try await bench.order() == [1, 5, 2, 4])
    }
    try await Self.serving(bench.inbox(PickyHandler([]))) { inbox in
      let last = try await inbox.retryParked(.init(subject: "bad"))
      #expect(last == .init(handled: 1))
      #expect(try await inbox.retryParked(.init(subject: "bad")) == .init())
      #expect(try await bench.parked() == ["worse 3"])
    }
  }

  @Test("retries at the same time handle each event once")
  func retriesAtOnce() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([]))) { inbox in
      let handled = try await withThrowingTaskGroup(of: Int64.self) { group in
        for _ in 0..<8 { group.addTask { try await inbox.retryParked(.init()).handled } }
        return try await group.reduce(0, +)
      }
      #expect(handled == 4)
    }
    #expect(try await bench.effects() == [1, 2, 3, 4, 5, 6])
  }

  // MARK: Skip

  @Test("T14: after a skip the later events of the subject go on in order, exactly once")
  func skips() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([2, 3]))) { inbox in
      let skipped = try await inbox.skipParked(.init(eventID: "test-log-2"))
      #expect(
        skipped
          == .init(
            event: .init(
              id: "test-log-2", type: "ClassCanceled", source: "test", subject: "bad",
              sequence: 2), remaining: 2))
      // Until the retry they keep their place before any that comes.
      try await bench.intake().take([incoming(7, subject: "bad")], logID: "log")
      #expect(try await bench.parked() == ["worse 3", "bad 4", "bad 6", "bad 7"])
      #expect(try await bench.effects() == [1, 5])

      #expect(try await inbox.retryParked(.init()).handled == 3)
      #expect(try await inbox.retryParked(.init()).handled == 0)
    }
    #expect(try await bench.order() == [1, 5, 4, 6, 7])
    #expect(try await bench.parked() == ["worse 3"])
    // Told again, the one that was given up stays so.
    try await bench.intake().take(Self.events + [incoming(8, subject: "bad")], logID: "log")
    #expect(try await bench.order() == [1, 5, 4, 6, 7, 8])
    #expect(try await bench.skipped() == ["test-log-2 ClassCanceled bad 1772409600000000"])
  }

  @Test("a skip that comes again changes nothing, and never gives up the event behind")
  func skipsOnce() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([2, 3, 4]))) { inbox in
      let first = try await inbox.skipParked(.init(source: "test", subject: "bad"))
      #expect(first.event?.id == "test-log-2" && !first.alreadySkipped)
      for request in [
        EventsV1.SkipParkedRequest(source: "test", subject: "bad"),
        .init(eventID: "test-log-2"), .init(source: "test", eventID: "test-log-2"),
      ] {
        let again = try await inbox.skipParked(request)
        #expect(again.event == first.event && again.alreadySkipped && again.remaining == 2)
      }
      #expect(try await bench.parked() == ["worse 3", "bad 4", "bad 6"])

      // Once it was tried, the next one is what holds the subject up.
      #expect(try await inbox.retryParked(.init(subject: "bad")).handled == 0)
      let second = try await inbox.skipParked(.init(source: "test", subject: "bad"))
      #expect(second.event?.id == "test-log-4" && !second.alreadySkipped)
      #expect(try await inbox.retryParked(.init(subject: "bad")).handled == 1)
      let last = try await inbox.skipParked(.init(source: "test", subject: "bad"))
      #expect(last.event?.id == "test-log-4" && last.alreadySkipped && last.remaining == 0)
    }
    #expect(try await bench.effects() == [1, 5, 6])
  }

  @Test("an event that only waits may be given up too; those before and after it go on")
  func skipsAmid() async throws {
    let bench = try await Self.parkedBench()
    try await Self.serving(bench.inbox(PickyHandler([]))) { inbox in
      _ = try await inbox.skipParked(.init(eventID: "test-log-4"))
      #expect(try await inbox.retryParked(.init()).handled == 3)
    }
    #expect(try await bench.order() == [1, 5, 2, 3, 6])
  }

  @Test("T28: the log says once what was given up, by its ids alone")
  func logs() async throws {
    let bench = try await Self.parkedBench()
    let log = RecordedLog()
    let logger = Logger(label: "test") { _ in log }
    try await Self.serving(bench.inbox(PickyHandler([]), logger: logger)) { inbox in
      for _ in 0..<2 { _ = try await inbox.skipParked(.init(eventID: "test-log-2")) }
    }
    let lines = log.lines.all.withLock { $0 }
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix("warning event skipped") == true)
    #expect(lines.first?.contains("test-log-2") == true)
    #expect(lines.first?.contains("Refusal") == false)
  }

  // MARK: What is stored

  @Test("a row that is no event can be seen, and given up by its subject")
  func brokenRow() async throws {
    let bench = try await Self.parkedBench()
    try await bench.database.write {
      try $0.execute("UPDATE parked_event SET event = x'FF' WHERE sequence = 2")
    }
    try await Self.serving(bench.inbox(PickyHandler([]))) { inbox in
      let retried = try await inbox.retryParked(.init(subject: "bad"))
      #expect(retried.handled == 0 && retried.remaining == 3)
      #expect(retried.blocking.map(\.id) == [""])
      let skipped = try await inbox.skipParked(.init(source: "test", subject: "bad"))
      #expect(skipped.event?.sequence == 2)
      #expect(try await inbox.retryParked(.init()).handled == 3)
    }
    #expect(try await bench.order() == [1, 5, 3, 4, 6])
  }

  @Test("events that an earlier version parked are taken over")
  func migrates() async throws {
    let bench = try EventLogBench(migrations: Array(EventLogSchema.migrations.prefix(1)))
    let bytes = try incoming(1).encodedBytes()
    try await bench.database.write {
      try $0.execute(
        """
        INSERT INTO parked_event (source, sequence, subject, reason, event)
        VALUES ('test', 1, '1', 'old', ?)
        """, [.blob(bytes)])
    }
    await bench.database.close()
    let again = try EventLogBench(folder: bench.folder)
    try await Self.serving(again.inbox(PickyHandler([]))) { inbox in
      let listed = try await inbox.listParked(.init()).events
      #expect(listed.map(\.id) == ["test-log-1"])
      #expect(listed.map(\.parkedAt) == [""])
      #expect(try await inbox.retryParked(.init()).handled == 1)
    }
    #expect(try await again.effects() == [1])
  }
}

/// Handles as ``CountingHandler`` does, but cannot handle events of some sequences.
private struct PickyHandler: EventHandler {
  let source: String
  let types: [String] = []
  let refused: Set<Int64>

  init(_ refused: Set<Int64>, source: String = "test") {
    self.refused = refused
    self.source = source
  }

  func handle(_ event: EventsV1.Event, in connection: any SQLConnection) throws {
    try CountingHandler().handle(event, in: connection)
    if self.refused.contains(event.sequence) { throw CountingHandler.Refusal() }
  }
}

extension EventLogBench {
  /// The sequences whose effect happened, as they happened.
  fileprivate func order() async throws -> [Int64] {
    try await self.database.read { connection in
      try connection.rows("SELECT sequence FROM effect ORDER BY rowid").map { $0.integer(0) }
    }
  }

  /// What is noted of the events that were given up.
  fileprivate func skipped() async throws -> [String] {
    try await self.database.read { connection in
      try connection.rows("SELECT event_id, type, subject, skipped_at FROM skipped_event")
        .map { "\($0.text(0)) \($0.text(1)) \($0.text(2)) \($0.integer(3))" }
    }
  }
}
