import Contracts
import EventLog
import Foundation
import FramedRPC
import Kernel
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@Suite("A damaged event log", .timeLimit(.minutes(2)))
struct DamagedLogTests {
  private static func fetch(
    _ feed: EventFeed, types: [String] = [], after: Int64 = 0
  ) async throws -> [EventsV1.Event] {
    try await feed.fetch(
      EventsV1.FetchRequest(after: after, max: 512, types: types), RPCContext()
    ).events
  }

  @Test("an altered event is not served, is logged once, and makes the service not ready")
  func altered() async throws {
    let bench = try EventLogBench()
    try await bench.publish(10)
    try await bench.database.write {
      try $0.execute("UPDATE outbox SET subject = '2' WHERE sequence = 7")
    }
    let log = RecordedLog()
    let feed = EventFeed(outbox: bench.outbox, logger: Logger(label: "test") { _ in log })
    #expect(feed.reasonsNotReady.isEmpty)
    for _ in 0..<2 {
      let error = await #expect(throws: RPCError.self) { try await Self.fetch(feed) }
      #expect(error?.status == .dataLoss)
      #expect(error?.reason == EventFeed.damagedReason)
      #expect(error?.message.contains("row 7 of outbox is altered") == true)
    }
    let lines = log.lines.all.withLock { $0 }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("row 7 of outbox") == true)
    #expect(lines.first?.hasPrefix("critical") == true)
    #expect(feed.reasonsNotReady == ["the event log is damaged: row 7 of outbox is altered"])
  }

  @Test("whoever reads from behind or before the damage is answered as far as it is good")
  func parts() async throws {
    let bench = try EventLogBench()
    try await bench.publish(10)
    try await bench.database.write {
      try $0.execute("UPDATE outbox SET data = x'00' WHERE sequence = 5")
    }
    let feed = EventFeed(outbox: bench.outbox)
    #expect(try await Self.fetch(feed, after: 5).map(\.sequence) == [6, 7, 8, 9, 10])
    let before = try await feed.fetch(EventsV1.FetchRequest(after: 0, max: 4), RPCContext())
    #expect(before.events.map(\.sequence) == [1, 2, 3, 4])
  }

  @Test("a type that was changed into one that nobody wants is noticed all the same")
  func unwanted() async throws {
    let bench = try EventLogBench()
    try await bench.publish(10)
    try await bench.database.write {
      try $0.execute("UPDATE outbox SET type = 'ClassModified' WHERE sequence = 3")
    }
    let feed = EventFeed(outbox: bench.outbox)
    await #expect(throws: RPCError.self) {
      try await Self.fetch(feed, types: ["ClassCanceled"])
    }
  }

  @Test("a hash that was changed is put down to its own row, also for who reads behind it")
  func hash() async throws {
    let bench = try EventLogBench()
    try await bench.publish(10)
    try await bench.database.write {
      try $0.execute("UPDATE outbox SET hash = zeroblob(32) WHERE sequence = 4")
    }
    let feed = EventFeed(outbox: bench.outbox)
    for after in [0, 3, 4] as [Int64] {
      let error = await #expect(throws: RPCError.self) { try await Self.fetch(feed, after: after) }
      #expect(error?.message.contains("row 4 of outbox is altered") == true)
    }
  }

  @Test("a missing event is noticed from both sides")
  func missing() async throws {
    let bench = try EventLogBench()
    try await bench.publish(10)
    try await bench.database.write { try $0.execute("DELETE FROM outbox WHERE sequence = 4") }
    let feed = EventFeed(outbox: bench.outbox)
    for after in [0, 3, 4] as [Int64] {
      let error = await #expect(throws: RPCError.self) { try await Self.fetch(feed, after: after) }
      #expect(error?.message.contains("row 4 of outbox is missing") == true)
    }
  }

  @Test("rows that nobody reads any more are looked at in turn, again and again")
  func scrub() async throws {
    let bench = try EventLogBench()
    try await bench.publish(EventFeed.scrubbedRows + 10)
    let feed = EventFeed(outbox: bench.outbox)
    // To the end, and behind it.
    for _ in 0..<3 { try await feed.scrub() }
    #expect(feed.reasonsNotReady.isEmpty)
    try await bench.database.write {
      try $0.execute("UPDATE outbox SET version = 2 WHERE sequence = \(EventFeed.scrubbedRows + 3)")
    }
    try await feed.scrub()
    #expect(feed.reasonsNotReady.isEmpty)
    try await feed.scrub()
    #expect(feed.reasonsNotReady.count == 1)
    // It begins again, and says the same.
    for _ in 0..<3 { try await feed.scrub() }
    #expect(feed.reasonsNotReady.count == 1)
  }

  @Test("G8: a bit that flipped in the file is never served, in 400 files with one each")
  func bitFlips() async throws {
    let good = try TemporaryFolder()
    var events: [EventsV1.Event] = []
    var hashes: [[UInt8]] = []
    do {
      let bench = try EventLogBench(folder: good)
      for number in 0..<40 {
        try await bench.publish(subject: "class-\(number)", type: "ClassCanceled")
      }
      events = try await Self.fetch(EventFeed(outbox: bench.outbox))
      hashes = try await bench.database.read { connection in
        try connection.rows("SELECT hash FROM outbox ORDER BY sequence").map { $0.blob(0) }
      }
      await bench.database.close()
    }
    let file = try Data(contentsOf: URL(fileURLWithPath: good.path + "/log.sqlite"))
    let cells = try Self.cells(of: hashes, in: file)
    #expect(cells.count >= 30)
    var generator = SeededNumbers(seed: 2026)
    var noticed = 0
    for _ in 0..<400 {
      let cell = cells.randomElement(using: &generator) ?? 0..<1
      let place = Int.random(in: cell, using: &generator)
      var copy = file
      copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      if try await !Self.serves(copy, exactly: events) { noticed += 1 }
    }
    // A bit of the length of a row's record may change nothing that anybody reads.
    #expect(noticed >= 390)
  }

  /// Where the rows lie: a page is filled from its end, and each row ends with its hash.
  private static func cells(of hashes: [[UInt8]], in file: Data) throws -> [Range<Int>] {
    let ends = try hashes.map { hash in
      try #require(file.range(of: Data(hash))?.upperBound)
    }
    return zip(ends, ends.dropFirst()).compactMap { end, next in
      next < end && next / 4096 == (end - 1) / 4096 ? next..<end : nil
    }
  }

  /// Whether a service with this file serves the events; serving others fails the test.
  private static func serves(_ file: Data, exactly events: [EventsV1.Event]) async throws -> Bool {
    let folder = try TemporaryFolder()
    try file.write(to: URL(fileURLWithPath: folder.path + "/log.sqlite"))
    let bench: EventLogBench
    do {
      bench = try EventLogBench(folder: folder)
    } catch {
      return false
    }
    var served: [EventsV1.Event]?
    do {
      served = try await Self.fetch(EventFeed(outbox: bench.outbox))
    } catch {
      let status = (error as? RPCError)?.status
      #expect(status == .dataLoss, "\(error)")
    }
    await bench.database.close()
    if let served { #expect(served == events) }
    return served != nil
  }
}

/// SplitMix64.
private struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { self.state = seed }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var value = self.state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
