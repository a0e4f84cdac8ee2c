import Contracts
import EventLog
import FramedRPC
import Storage
import Synchronization
import Testing

@Suite("Events of some types only")
struct TypeFilterTests {
  /// One event a letter, whose type it is.
  private static func publish(_ types: String, to bench: EventLogBench) async throws {
    for type in types {
      try await bench.publish(type: "\(type)")
    }
  }

  private static func fetch(
    _ feed: EventFeed, after: Int64, max: Int32 = 100, waitMs: Int32 = 0, types: [String]
  ) async throws -> EventsV1.FetchResponse {
    try await feed.fetch(
      EventsV1.FetchRequest(after: after, max: max, waitMs: waitMs, types: types), RPCContext())
  }

  @Test("the feed answers the wanted types, and says how far it looked")
  func filters() async throws {
    let bench = try EventLogBench()
    try await Self.publish("abcabcab", to: bench)
    let feed = EventFeed(outbox: bench.outbox)
    let some = try await Self.fetch(feed, after: 0, types: ["a", "c"])
    #expect(some.events.map(\.sequence) == [1, 3, 4, 6, 7])
    #expect(some.through == 8)
    #expect(some.lastSequence == 8)
    let all = try await Self.fetch(feed, after: 2, types: [])
    #expect(all.events.map(\.sequence) == [3, 4, 5, 6, 7, 8])
    // An answer that is full goes no further than its last event.
    let full = try await Self.fetch(feed, after: 0, max: 2, types: ["b"])
    #expect(full.events.map(\.sequence) == [2, 5])
    #expect(full.through == 5)
    let none = try await Self.fetch(feed, after: 3, types: ["x"])
    #expect(none.events.isEmpty)
    #expect(none.through == 8)
  }

  @Test("a poll waits for a wanted event, and lets the others pass")
  func waits() async throws {
    let bench = try EventLogBench()
    let feed = EventFeed(outbox: bench.outbox)
    async let answer = Self.fetch(feed, after: 0, waitMs: 30_000, types: ["b"])
    try await Self.publish("aaab", to: bench)
    let found = try await answer
    #expect(found.events.map(\.sequence) == [4])
    #expect(found.through == 4)
  }

  @Test("a poll that finds nothing says how far it looked")
  func findsNothing() async throws {
    let bench = try EventLogBench()
    try await Self.publish("aaa", to: bench)
    let answer = try await Self.fetch(
      EventFeed(outbox: bench.outbox), after: 0, waitMs: 1, types: ["b"])
    #expect(answer.events.isEmpty)
    #expect(answer.through == 3)
  }

  @Test("a fetch looks through a bounded part of the log, and the next one goes on there")
  func boundsReads() async throws {
    let bench = try EventLogBench()
    try await bench.publish(25, type: "a")
    try await bench.publish(1, type: "b")
    let feed = EventFeed(outbox: bench.outbox, readLimits: (sequences: 4, reads: 3))
    var after: Int64 = 0
    var places: [Int64] = []
    var found: [Int64] = []
    while found.isEmpty {
      let answer = try await Self.fetch(feed, after: after, waitMs: 30_000, types: ["b"])
      found = answer.events.map(\.sequence)
      after = answer.through
      places.append(after)
    }
    #expect(places == [12, 24, 26])
    #expect(found == [26])
  }

  @Test("a log that ends before the reader's place is answered at once")
  func rolledBack() async throws {
    let bench = try EventLogBench()
    try await Self.publish("aaa", to: bench)
    let answer = try await Self.fetch(
      EventFeed(outbox: bench.outbox), after: 9, waitMs: 30_000, types: ["b"])
    #expect(answer.events.isEmpty)
    #expect(answer.lastSequence == 3)
  }

  @Test("too many types are refused")
  func refuses() async throws {
    let feed = EventFeed(outbox: try EventLogBench().outbox)
    let types = (0...EventFeed.maxTypes).map { "type-\($0)" }
    let error = await #expect(throws: RPCError.self) {
      _ = try await Self.fetch(feed, after: 0, types: types)
    }
    #expect(error?.status == .invalidArgument)
  }

  // MARK: Taking them in

  /// An answer of a feed whose wanted events are those given.
  private static func answer(
    _ events: [EventsV1.Event], through: Int64, last: Int64 = 100
  ) -> EventsV1.FetchResponse {
    EventsV1.FetchResponse(events: events, logID: "log", lastSequence: last, through: through)
  }

  @Test("the cursor passes over what is not wanted, without a row for each")
  func passesOver() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    let commits = Mutex(0)
    bench.database.afterCommit { commits.withLock { $0 += 1 } }
    try await intake.take(Self.answer([], through: 10), from: intake.position())
    #expect(try await intake.cursor() == 10)
    try await intake.take(
      Self.answer([incoming(15), incoming(20)], through: 30), from: intake.position())
    #expect(try await intake.cursor() == 30)
    #expect(commits.withLock { $0 } == 2)
    // Nothing new costs no commit.
    try await intake.take(Self.answer([], through: 30), from: intake.position())
    #expect(commits.withLock { $0 } == 2)
    #expect(try await bench.effects() == [15, 20])
    #expect(try await bench.earlyRows() == 0)
  }

  @Test("an answer that came late, or before an older one, neither doubles nor skips an event")
  func staleAnswers() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    let start = try await intake.position()
    // Known early, past a gap.
    try await intake.take([incoming(15)], logID: "log")
    #expect(try await intake.cursor() == 0)
    let first = Self.answer([incoming(5), incoming(15)], through: 16)
    try await intake.take(first, from: start)
    #expect(try await intake.cursor() == 16)
    try await intake.take(first, from: start)
    try await intake.take(
      Self.answer([incoming(5), incoming(15), incoming(17)], through: 20), from: start)
    #expect(try await bench.effects() == [5, 15, 17])
    #expect(try await intake.cursor() == 20)
    #expect(try await bench.earlyRows() == 0)
  }

  @Test("a poison event among unwanted ones is parked, and the cursor goes on past all of them")
  func parks() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake(CountingHandler(refusedSubject: "bad"))
    let answer = Self.answer(
      [incoming(5), incoming(9, subject: "bad"), incoming(12)], through: 20)
    try await intake.take(answer, from: intake.position())
    #expect(try await bench.effects() == [5, 12])
    #expect(try await bench.parked() == ["bad 9"])
    #expect(try await intake.cursor() == 20)
    #expect(try await bench.earlyRows() == 0)
  }

  @Test("a consumer that ends between the tries takes the batch again, each effect once")
  func endsAmidPoison() async throws {
    let bench = try EventLogBench()
    let answer = Self.answer(
      [incoming(5), incoming(9, subject: "bad"), incoming(12)], through: 20)
    let ending = bench.intake(CountingHandler(refusedSubject: "bad")) { _ in
      throw CancellationError()
    }
    await #expect(throws: CancellationError.self) {
      try await ending.take(answer, from: ending.position())
    }
    let folder = bench.folder
    await bench.database.close()
    let again = try EventLogBench(folder: folder)
    let intake = again.intake()
    #expect(try await intake.cursor() == 0)
    try await intake.take(answer, from: intake.position())
    #expect(try await again.effects() == [5, 9, 12])
    #expect(try await intake.cursor() == 20)
    #expect(try await again.earlyRows() == 0)
  }

  @Test("a feed that answers nonsense is not believed")
  func disorder() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    try await intake.take(Self.answer([], through: 4), from: intake.position())
    let position = try await intake.position()
    for answer in [
      Self.answer([incoming(7), incoming(6)], through: 8), Self.answer([incoming(4)], through: 8),
      Self.answer([incoming(5)], through: 101),
    ] {
      await #expect(throws: InboxError.disorder(source: "test")) {
        try await intake.take(answer, from: position)
      }
    }
    #expect(try await bench.effects() == [])
  }

  @Test(
    "a source that publishes while its reader is ended again and again: each wanted effect once")
  func endedOften() async throws {
    let producer = try EventLogBench()
    let consumer = try EventLogBench()
    let network = InProcessNetwork()
    let count = 1_200
    try await EventConsumerTests.serving(producer, as: "producer", in: network) {
      async let published: Void = {
        for _ in 0..<(count / 12) {
          try await producer.publish(11, type: "Other")
          try await producer.publish(1, subject: "good", type: "Wanted")
        }
      }()
      while try await consumer.intake().cursor() < Int64(count) {
        try await EventConsumerTests.runBriefly(consumer, "producer", in: network)
      }
      try await published
    }
    let wanted = (1...(count / 12)).map { Int64($0 * 12) }
    #expect(try await consumer.effects() == wanted)
    #expect(try await consumer.earlyRows() == 0)
  }
}
