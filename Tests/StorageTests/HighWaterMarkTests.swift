import Foundation
import Storage
import Testing

@Suite("The high-water mark", .timeLimit(.minutes(1)))
struct HighWaterMarkTests {
  private static func open(_ test: TestDatabase) throws(StorageError) -> SQLiteDatabase {
    try SQLiteDatabase(
      path: test.path, migrations: [ChainTests.schema], marked: ChainTests.table,
      logger: TestDatabase.quiet)
  }

  private static func append(_ database: SQLiteDatabase) async throws -> ChainLink {
    try await database.write { try ChainTests.table.append(["a", 1, .null], in: $0) }
  }

  private static func mark(_ test: TestDatabase) -> HighWaterMark.Reading {
    HighWaterMark.read(HighWaterMark.path(ofDatabase: test.path))
  }

  /// The files of a database that is open, as a crash would leave them.
  private static func crashed(
    _ test: TestDatabase, _ body: (TestDatabase) async throws -> Void
  ) async throws {
    try await TestDatabase.inFolder { copy in
      for end in ["", "-wal", ".mark"] {
        try FileManager.default.copyItem(atPath: test.path + end, toPath: copy.path + end)
      }
      try await body(copy)
    }
  }

  @Test("follows each commit that appends, and no other")
  func follows() async throws {
    try await TestDatabase.inFolder { test in
      let database = try Self.open(test)
      #expect(Self.mark(test) == .link(.start))
      for _ in 0..<3 {
        let link = try await Self.append(database)
        #expect(Self.mark(test) == .link(link))
        try await database.write { try $0.execute("UPDATE entry SET amount = amount WHERE FALSE") }
        #expect(Self.mark(test) == .link(link))
      }
      await database.close()
      let again = try Self.open(test)
      await again.close()
    }
  }

  @Test("F3: a log that lost commits is refused, and left as it is")
  func lostCommits() async throws {
    try await TestDatabase.inFolder { test in
      let database = try Self.open(test)
      for _ in 0..<20 { _ = try await Self.append(database) }
      let whole = try test.logBytes()
      try await Self.crashed(test) { copy in
        let opened = try Self.open(copy)
        #expect(try await opened.read { try ChainTests.table.end(in: $0).sequence } == 20)
        await opened.close()
      }
      var refused = 0
      for cut in stride(from: 0, to: min(whole, 20 * 8_300), by: 1_021) {
        try await Self.crashed(test) { copy in
          let log = try FileHandle(forWritingTo: URL(fileURLWithPath: copy.path + "-wal"))
          try log.truncate(atOffset: UInt64(cut))
          try log.close()
          do {
            let opened = try Self.open(copy)
            #expect(try await opened.read { try ChainTests.table.end(in: $0).sequence } == 20)
            await opened.close()
          } catch {
            guard case .lostCommits(_, let last, 20) = error as? StorageError else { throw error }
            #expect(last < 20)
            #expect(try copy.logBytes() == cut)
            // Again and again, until somebody does something.
            #expect(throws: StorageError.self) { try Self.open(copy) }
            refused += 1
          }
        }
      }
      #expect(refused > 20)
      await database.close()
    }
  }

  @Test("F3: of 100 bits that flip in the log, none drops a commit unnoticed")
  func flippedLog() async throws {
    try await TestDatabase.inFolder { test in
      let database = try Self.open(test)
      for _ in 0..<20 { _ = try await Self.append(database) }
      let log = try Data(contentsOf: URL(fileURLWithPath: test.path + "-wal"))
      // The rest was filled with zeros in advance.
      let used = try #require(log.lastIndex { $0 != 0 })
      var state: UInt64 = 2026
      for _ in 0..<100 {
        // Knuth's MMIX generator; its high bits are the good ones.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let bit = Int((state >> 24) % UInt64(used * 8))
        try await Self.crashed(test) { copy in
          var damaged = log
          damaged[bit / 8] ^= 1 << UInt8(bit % 8)
          try damaged.write(to: URL(fileURLWithPath: copy.path + "-wal"))
          let error = #expect(throws: StorageError.self, "bit \(bit)") { try Self.open(copy) }
          guard case .lostCommits(_, _, 20) = error else {
            Issue.record("bit \(bit): \(String(describing: error))")
            return
          }
        }
      }
      await database.close()
    }
  }

  @Test("a database that is not the one that was marked is refused, also an empty one")
  func other() async throws {
    try await TestDatabase.inFolder { test in
      let database = try Self.open(test)
      _ = try await Self.append(database)
      await database.close()
      let mark = HighWaterMark.path(ofDatabase: test.path)
      try HighWaterMark.write(
        ChainLink(sequence: 1, hash: [UInt8](repeating: 1, count: 32)), path: mark)
      #expect(throws: StorageError.otherThanMarked(path: test.path, marked: 1)) {
        try Self.open(test)
      }
      try FileManager.default.removeItem(atPath: test.path)
      #expect(throws: StorageError.lostCommits(path: test.path, last: 0, marked: 1)) {
        try Self.open(test)
      }
      #expect(!FileManager.default.fileExists(atPath: test.path))
    }
  }

  @Test("a torn or damaged mark says nothing, and is made anew")
  func torn() async throws {
    try await TestDatabase.inFolder { test in
      let database = try Self.open(test)
      let link = try await Self.append(database)
      await database.close()
      let path = HighWaterMark.path(ofDatabase: test.path)
      let good = try Data(contentsOf: URL(fileURLWithPath: path))
      var damaged: [Data] = [Data(), good.prefix(40), good + good]
      for bit in stride(from: 0, to: good.count * 8, by: 37) {
        var copy = good
        copy[bit / 8] ^= 1 << UInt8(bit % 8)
        damaged.append(copy)
      }
      for bytes in damaged {
        try bytes.write(to: URL(fileURLWithPath: path))
        guard case .unreadable = Self.mark(test) else {
          Issue.record("read: \(String(decoding: bytes, as: UTF8.self))")
          continue
        }
      }
      let again = try Self.open(test)
      await again.close()
      guard case .link(let made) = Self.mark(test) else { throw StorageError.closed }
      #expect(made == link)
    }
  }
}
