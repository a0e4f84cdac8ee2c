import Dispatch
import Foundation
import Storage
import Testing

@Suite("A SQLite database", .timeLimit(.minutes(1)))
struct SQLiteDatabaseTests {
  @Test("an acknowledged commit is on disk: the writer's settings as SQLite reads them back")
  func durable() async throws {
    try await TestDatabase.opened { database in
      try await database.add("a write changes no setting")
      let settings = try await database.settings()
      #expect(settings.synchronous == 2)
      #expect(settings.journalMode == "wal")
      #expect(settings.logPagesBeforeAutomaticCheckpoint == 0)
      #expect(settings.foreignKeys)
    }
  }

  @Test("a second opener is refused and told which process has the database")
  func lock() async throws {
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      #expect(
        throws: StorageError.alreadyOpen(
          path: test.path, processID: ProcessInfo.processInfo.processIdentifier)
      ) { try test.open() }
      await database.close()
      let again = try test.open()
      await again.close()
    }
  }

  @Test("once closed it holds nothing any more that its hooks hold")
  func dropsHooks() async throws {
    try await TestDatabase.inFolder { test in
      weak var abandoned: SQLiteDatabase?
      do {
        let database = try test.open()
        database.afterCommit { _ = database.path }
        database.whenStopped { _ in _ = database.path }
        abandoned = database
        await database.close()
      }
      #expect(abandoned == nil)
    }
  }

  @Test("a database in a folder that does not exist is refused")
  func noFolder() {
    let error = #expect(throws: StorageError.self) {
      try TestDatabase(path: "/nowhere/at/all.db").open()
    }
    #expect(error?.description.contains("/nowhere/at/all.db") == true)
  }

  @Test("a file that is no database is refused")
  func noDatabase() async throws {
    try await TestDatabase.inFolder { test in
      try String(repeating: "no database ", count: 1000)
        .write(toFile: test.path, atomically: false, encoding: .utf8)
      #expect(throws: StorageError.self) { try test.open() }
    }
  }

  @Test("a read sees what was written before it, on one snapshot to its end")
  func reads() async throws {
    try await TestDatabase.opened { database in
      try await database.add("first")
      let (before, after) = try await withHeldRead(of: database) {
        try await database.add("second")
      }
      #expect(before == 1)
      #expect(after == 1)
      #expect(try await database.notes() == ["first", "second"])
    }
  }

  @Test("a query cannot write")
  func readOnly() async throws {
    try await TestDatabase.opened { database in
      await #expect(throws: StorageError.self) {
        try await database.read { try $0.execute("INSERT INTO row (note) VALUES ('no')") }
      }
      let notes = try await database.notes()
      #expect(notes.isEmpty)
    }
  }

  @Test("more reads than readers are all answered")
  func manyReads() async throws {
    try await TestDatabase.opened { database in
      try await database.add("one")
      try await withThrowingTaskGroup { group in
        for _ in 0..<100 { group.addTask { try await database.notes() } }
        for try await notes in group { #expect(notes == ["one"]) }
      }
    }
  }

  @Test("every kind of value comes back as it was")
  func values() async throws {
    let values: [SQLValue] = [
      nil, 0, .integer(.min), .integer(.max), "", "수강 신청", "a\0b", .blob([]),
      .blob([0, 255]),
    ]
    try await TestDatabase.opened { database in
      let row = try await database.read { connection in
        let marks = values.map { _ in "?" }.joined(separator: ", ")
        return try #require(try connection.row("SELECT \(marks)", values))
      }
      #expect(row.columnCount == values.count)
      #expect((0..<values.count).map { row[$0] } == values)
      #expect(row.optionalText(0) == nil)
      #expect(row.optionalInteger(3) == .max)
      #expect(row.text(5) == "수강 신청")
      #expect(row.blob(8) == [0, 255])
    }
  }

  @Test("a wrong number of arguments is an error, and the next call is not disturbed")
  func wrongArguments() async throws {
    try await TestDatabase.opened { database in
      await #expect(throws: StorageError.self) {
        try await database.write { try $0.execute("INSERT INTO row (note) VALUES (?)", []) }
      }
      try await database.add("right")
    }
  }

  @Test("changed rows are counted")
  func changedRows() async throws {
    try await TestDatabase.opened { database in
      for note in ["a", "b", "c"] { try await database.add(note) }
      let changed = try await database.write { connection in
        try connection.execute("UPDATE row SET note = note || '!' WHERE id > ?", [1])
        return connection.changedRows
      }
      #expect(changed == 2)
    }
  }

  @Test("more statements than the cache holds work as well")
  func statementCache() async throws {
    var limits = SQLiteLimits()
    limits.maxCachedStatements = 2
    try await TestDatabase.opened(limits: limits) { database in
      let answers = try await database.write { connection in
        try (0..<20).map { try connection.integer("SELECT \($0 % 5)") }
      }
      #expect(answers == (0..<20).map { $0 % 5 })
    }
  }

  @Test("the log is as large from the start as it becomes, since checkpoints keep it there")
  func log() async throws {
    var limits = SQLiteLimits()
    limits.checkpointAfterPages = 10
    try await TestDatabase.inFolder { test in
      let database = try test.open(limits: limits)
      let atStart = try test.logBytes()
      #expect(atStart > 10 * 4096)
      for step in 0..<100 { try await database.add("\(step)") }
      #expect(try test.logBytes() == atStart)
      await database.close()
    }
  }

  /// Runs `meanwhile` in the middle of a read; answers the count of rows before and after.
  private func withHeldRead(
    of database: SQLiteDatabase, meanwhile: () async throws -> Void
  ) async throws -> (Int64?, Int64?) {
    let count = "SELECT count(*) FROM row"
    let gate = DispatchSemaphore(value: 0)
    let (started, start) = AsyncStream.makeStream(of: Void.self)
    let reading = Task {
      try await database.read { connection in
        let before = try connection.integer(count)
        start.finish()
        gate.wait()
        return (before, try connection.integer(count))
      }
    }
    for await _ in started {}
    do {
      try await meanwhile()
    } catch {
      gate.signal()
      throw error
    }
    gate.signal()
    return try await reading.value
  }
}
