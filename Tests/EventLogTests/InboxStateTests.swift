import EventLog
import Storage
import Testing

@Suite("What a consumer's database is made of")
struct InboxStateTests {
  @Test("names each source's place and what had no effect")
  func state() async throws {
    let bench = try EventLogBench()
    let empty = try await Self.state(bench)
    #expect(empty.sequence(of: "test") == 0)
    #expect(empty.withheld == [:])
    #expect(!empty.hasEarlyEvents)

    try await bench.intake(CountingHandler(refusedSubject: "bad")).take(
      [incoming(1), incoming(2, subject: "bad"), incoming(3, subject: "bad"), incoming(4)],
      logID: "log")
    try await bench.database.write { connection in
      try connection.execute("DELETE FROM parked_event WHERE sequence = 2")
      try connection.execute(
        """
        INSERT INTO skipped_event (source, sequence, event_id, type, subject, skipped_at)
        VALUES ('test', 2, 'test-log-2', 'ClassCanceled', 'bad', 0)
        """)
    }
    let state = try await Self.state(bench)
    #expect(state.sequence(of: "test") == 4)
    #expect(state.positions["test"]?.logID == "log")
    #expect(state.withheld == ["test": [2, 3]])

    try await bench.intake().take([incoming(6)], logID: "log")
    #expect(try await Self.state(bench).hasEarlyEvents)
  }

  @Test("a rewound consumer takes what came since once more, early events too, and goes on")
  func rewinds() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    try await intake.take([incoming(1), incoming(2)], logID: "log")
    let state = try await Self.state(bench)
    try await intake.take([incoming(3), incoming(4), incoming(6)], logID: "log")

    let before = try await Self.state(bench)
    #expect(try await Self.rewind(bench, to: state) == before)
    #expect(try await Self.state(bench) == state)
    try await intake.take(
      [incoming(3), incoming(4), incoming(5), incoming(6)], logID: "log")
    #expect(try await intake.cursor() == 6)
    #expect(try await bench.effects() == [1, 2, 3, 3, 4, 4, 5, 6, 6])
    // Nobody is moved forward.
    let later = try await Self.state(bench)
    #expect(try await Self.rewind(bench, to: state) == later)
    #expect(try await Self.rewind(bench, to: later) == state)
    #expect(try await intake.cursor() == 2)
  }

  @Test("T14: nothing is rewound past an event that was parked since")
  func parkedSince() async throws {
    let bench = try EventLogBench()
    try await bench.intake().take([incoming(1)], logID: "log")
    let state = try await Self.state(bench)
    try await bench.intake(CountingHandler(refusedSubject: "bad")).take(
      [incoming(2), incoming(3, subject: "bad")], logID: "log")
    #expect(try await Self.rewind(bench, to: state) == nil)
    #expect(try await bench.intake().cursor() == 3)
    #expect(try await bench.parked() == ["bad 3"])
  }

  private static func state(_ bench: EventLogBench) async throws -> InboxState {
    try await bench.database.read { try InboxState(of: ["test"], in: $0) }
  }

  private static func rewind(
    _ bench: EventLogBench, to state: InboxState
  ) async throws -> InboxState? {
    try await bench.database.write { try state.rewind(in: $0) }
  }
}
