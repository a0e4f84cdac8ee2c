import Contracts
import EventLog
import Storage
import Testing

@Suite("Taking events in")
struct EventIntakeTests {
  @Test("T9: an event has its effect once, however often it comes")
  func once() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    let events = (1...5).map { incoming($0) }
    try await intake.take(events, logID: "log")
    try await intake.take(events + events, logID: "log")
    try await intake.take([events[2]], logID: "log")
    #expect(try await bench.effects() == [1, 2, 3, 4, 5])
    #expect(try await intake.cursor() == 5)
  }

  @Test(
    "T11: events twice and in any order have each effect once, and the cursor catches up",
    arguments: 0..<50)
  func shuffled(_ seed: UInt64) async throws {
    var generator = SplitMix64(seed: seed)
    let bench = try EventLogBench()
    let intake = bench.intake()
    var events = (1...20).map { incoming($0, subject: "\($0 % 3)") }
    events = (events + events).shuffled(using: &generator)
    while !events.isEmpty {
      let count = Int.random(in: 1...events.count, using: &generator)
      try await intake.take(Array(events.prefix(count)), logID: "log")
      events.removeFirst(count)
    }
    #expect(try await bench.effects() == Array(1...20))
    #expect(try await intake.cursor() == 20)
    let leftover = try await bench.database.read {
      try $0.integer("SELECT count(*) FROM inbox")
    }
    #expect(leftover == 0)
  }

  @Test("K23: a consumer that comes back goes on where it stopped")
  func resumes() async throws {
    let bench = try EventLogBench()
    try await bench.intake().take((1...3).map { incoming($0) }, logID: "log")
    let folder = bench.folder
    await bench.database.close()
    let again = try EventLogBench(folder: folder)
    #expect(try await again.intake().cursor() == 3)
    try await again.intake().take((2...6).map { incoming($0) }, logID: "log")
    #expect(try await again.effects() == [1, 2, 3, 4, 5, 6])
  }

  @Test("a source that was given another log is refused, not misread")
  func refusesOtherLog() async throws {
    let bench = try EventLogBench()
    try await bench.intake().take([incoming(1)], logID: "first")
    await #expect(
      throws: InboxError.otherLog(source: "test", expected: "first", found: "second")
    ) {
      try await bench.intake().take([incoming(2)], logID: "second")
    }
    #expect(try await bench.effects() == [1])
  }

  @Test("another log, and a log without its end, are noticed by an answer without events too")
  func refusesOtherLogAlways() async throws {
    let bench = try EventLogBench()
    let intake = bench.intake()
    try await intake.take((1...3).map { incoming($0) }, logID: "log")
    let position = try await intake.position()
    let rolledBack = InboxError.rolledBack(source: "test", taken: 3, last: 2)
    let other = InboxError.otherLog(source: "test", expected: "log", found: "new")
    await #expect(throws: rolledBack) {
      try await intake.take(.init(logID: "log", lastSequence: 2), from: position)
    }
    await #expect(throws: other) {
      try await intake.take(.init(logID: "new", lastSequence: 9), from: position)
    }
    await #expect(throws: rolledBack) {
      try await intake.take(
        .init(events: [incoming(4)], logID: "log", lastSequence: 2), from: position)
    }
    try await intake.take(.init(logID: "log", lastSequence: 3), from: position)
    #expect(try await bench.effects() == [1, 2, 3])
  }
}

/// Sebastiano Vigna's SplitMix64: small, and the same on every machine.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    self.state = seed
  }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var z = self.state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
