import Contracts
import EventLog
import FramedRPC
import Kernel
import Storage
import Testing

@Suite("The outbox and its feed")
struct OutboxTests {
  private struct Failure: Error {}

  @Test("an outbox does not keep its database alive")
  func abandoned() throws {
    weak var database: SQLiteDatabase?
    do {
      let bench = try EventLogBench()
      database = bench.database
    }
    #expect(database == nil)
  }

  @Test("T3: an event of a transaction that fails was never there, and leaves no gap")
  func rollsBack() async throws {
    let bench = try EventLogBench()
    try await bench.publish()
    await #expect(throws: Failure.self) {
      try await bench.database.write { connection in
        try bench.outbox.append(try EventLogBench.event(subject: "1"), in: connection)
        throw Failure()
      }
    }
    try await bench.publish()
    let slice = try await bench.outbox.events(after: 0, limit: 10)
    #expect(slice.events.map(\.sequence) == [1, 2])
    #expect(slice.lastSequence == 2)
  }

  @Test("an event says where it comes from, for ever and for everybody")
  func envelope() async throws {
    let bench = try EventLogBench()
    try await bench.publish(subject: "42")
    let slice = try await bench.outbox.events(after: 0, limit: 1)
    let event = try #require(slice.events.first)
    #expect(event.id == "test-\(slice.logID)-1")
    #expect(event.source == "test")
    #expect(event.subject == "42")
    #expect(event.correlationID == "42")
    #expect(event.causationID == "request")
    #expect(event.time == "1970-01-01T00:00:00.000000Z")
    #expect(try event.message(EnrollmentV1.ClassCanceled.self).id == 1)
  }

  @Test(
    "an event that cannot travel is refused, and does not stop the feed",
    arguments: ["type", "subject", "correlation_id", "causation_id", "trace_context"])
  func refusesNUL(_ field: String) async throws {
    let bench = try EventLogBench()
    func text(_ name: String) -> String { name == field ? "a\u{0}b" : "ab" }
    let event = OutgoingEvent(
      type: text("type"), subject: text("subject"), correlationID: text("correlation_id"),
      time: Timestamp(microseconds: 0), cause: Cause(id: text("causation_id")),
      traceContext: text("trace_context"), data: [])
    await #expect(throws: UntellableEvent(type: event.type, field: field)) {
      try await bench.database.write { try bench.outbox.append(event, in: $0) }
    }
    try await bench.publish()
    let answer = try await EventFeed(outbox: bench.outbox).fetch(
      EventsV1.FetchRequest(after: 0, max: 10), RPCContext())
    #expect(answer.events.map(\.sequence) == [1])
  }

  @Test("a fetch begins after the sequence it names, and takes no more than it asks for")
  func fetches() async throws {
    let bench = try EventLogBench()
    try await bench.publish(5)
    let feed = EventFeed(outbox: bench.outbox)
    let answer = try await feed.fetch(
      EventsV1.FetchRequest(after: 1, max: 3, waitMs: 0), RPCContext())
    #expect(answer.events.map(\.sequence) == [2, 3, 4])
    #expect(answer.lastSequence == 5)
  }

  @Test("a fetch without news waits until something is committed")
  func waits() async throws {
    let bench = try EventLogBench()
    let feed = EventFeed(outbox: bench.outbox)
    async let answer = feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 30_000), RPCContext())
    try await bench.publish()
    #expect(try await answer.events.map(\.sequence) == [1])
  }

  @Test("a fetch returns empty-handed when its wait is over")
  func waitsNoLonger() async throws {
    let bench = try EventLogBench()
    let feed = EventFeed(outbox: bench.outbox)
    let answer = try await feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 1), RPCContext())
    #expect(answer.events.isEmpty)
    #expect(!answer.logID.isEmpty)
  }

  @Test("T47: stopping the feed answers whoever waits, and nobody waits after that")
  func stops() async throws {
    let bench = try EventLogBench()
    let feed = EventFeed(outbox: bench.outbox)
    async let waiting = feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 30_000), RPCContext())
    feed.stop()
    #expect(try await waiting.events.isEmpty)
    let late = try await feed.fetch(
      EventsV1.FetchRequest(after: 0, max: 10, waitMs: 30_000), RPCContext())
    #expect(late.events.isEmpty)
  }

  @Test("a cancelled fetch does not wait")
  func cancels() async throws {
    let bench = try EventLogBench()
    let feed = EventFeed(outbox: bench.outbox)
    let fetch = Task {
      try await feed.fetch(
        EventsV1.FetchRequest(after: 0, max: 10, waitMs: 30_000), RPCContext())
    }
    fetch.cancel()
    _ = try? await fetch.value
  }

  @Test(
    "a fetch that makes no sense is refused",
    arguments: [
      EventsV1.FetchRequest(after: -1, max: 1), EventsV1.FetchRequest(after: 0, max: 0),
      EventsV1.FetchRequest(after: 0, max: 1, waitMs: -1),
      EventsV1.FetchRequest(after: 0, max: 1, yieldMs: -1),
    ])
  func refuses(_ request: EventsV1.FetchRequest) async throws {
    let feed = EventFeed(outbox: try EventLogBench().outbox)
    let error = await #expect(throws: RPCError.self) {
      _ = try await feed.fetch(request, RPCContext())
    }
    #expect(error?.status == .invalidArgument)
  }

  @Test("large events are spread over answers, and none is left behind")
  func boundsAnswers() async throws {
    let bench = try EventLogBench()
    let big = [UInt8](repeating: 7, count: EventFeed.maxDataBytes * 2 / 3)
    try await bench.database.write { connection in
      for _ in 0..<3 {
        try bench.outbox.append(
          OutgoingEvent(
            type: "Big", subject: "1", correlationID: "1", time: .init(microseconds: 0),
            cause: .init(id: "request"), data: big),
          in: connection)
      }
    }
    let feed = EventFeed(outbox: bench.outbox)
    var after: Int64 = 0
    var sequences: [Int64] = []
    while after < 3 {
      let answer = try await feed.fetch(
        EventsV1.FetchRequest(after: after, max: 10, waitMs: 0), RPCContext())
      #expect(answer.events.count == 1)
      sequences += answer.events.map(\.sequence)
      after = try #require(sequences.last)
    }
    #expect(sequences == [1, 2, 3])
  }
}
