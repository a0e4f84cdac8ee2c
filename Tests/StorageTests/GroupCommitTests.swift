import Storage
import Testing

@Suite("Group commit", .timeLimit(.minutes(1)))
struct GroupCommitTests {
  struct Refused: Error {}

  @Test("what waits together becomes one commit, and a failing unit undoes only itself")
  func oneCommit() async throws {
    try await TestDatabase.opened { database in
      let commits = Counter()
      database.afterCommit { commits.increase() }
      let writer = await database.holdWriter()
      let first = database.addsLater("first")
      let failing = Task.immediate {
        try await database.write { connection in
          try connection.execute("INSERT INTO row (note) VALUES ('lost')")
          throw Refused()
        }
      }
      let duplicate = database.addsLater("first")
      let last = database.addsLater("last")
      #expect(database.waitingUnits == 4)
      try await writer.letGo()

      _ = try await (first.value, last.value)
      await #expect(throws: Refused.self) { try await failing.value }
      await #expect(throws: StorageError.constraint(.unique, detail: "row.note")) {
        try await duplicate.value
      }
      #expect(commits.value == 2)  // the holder's and the shared one
      #expect(try await database.notes() == ["first", "last"])
    }
  }

  @Test("the first unit of a commit fails without harm to the rest")
  func firstFails() async throws {
    try await TestDatabase.opened { database in
      let writer = await database.holdWriter()
      let failing = Task.immediate {
        try await database.write { connection in
          try connection.execute("INSERT INTO row (note) VALUES ('lost')")
          throw Refused()
        }
      }
      let kept = database.addsLater("kept")
      try await writer.letGo()
      _ = try await kept.value
      await #expect(throws: Refused.self) { try await failing.value }
      #expect(try await database.notes() == ["kept"])
    }
  }

  @Test("a unit sees the effects of earlier units of the same commit")
  func seesEarlier() async throws {
    try await TestDatabase.opened { database in
      let writer = await database.holdWriter()
      let first = database.addsLater("first")
      let count = Task.immediate {
        try await database.write { try $0.integer("SELECT count(*) FROM row") }
      }
      try await writer.letGo()
      _ = try await first.value
      #expect(try await count.value == 1)
    }
  }

  @Test("a unit that leaves a foreign key unresolved fails alone")
  func deferredForeignKey() async throws {
    try await TestDatabase.opened { database in
      let writer = await database.holdWriter()
      let before = database.addsLater("before")
      let orphan = Task.immediate {
        try await database.write { try $0.execute("INSERT INTO child (row) VALUES (99)") }
      }
      let after = database.addsLater("after")
      try await writer.letGo()
      _ = try await (before.value, after.value)
      await #expect(
        throws: StorageError.constraint(
          .foreignKey, detail: "unresolved at the end of the unit")
      ) { try await orphan.value }
      #expect(try await database.notes() == ["before", "after"])
      #expect(database.isOpen)
    }
  }

  @Test("a transaction that is lost stops the writing, and nobody is told a guess")
  func lostTransaction() async throws {
    try await TestDatabase.opened { database in
      let (reasons, reason) = AsyncStream<String>.makeStream()
      database.whenStopped { reason.yield($0) }
      try await database.add("durable")
      let writer = await database.holdWriter()
      let before = database.addsLater("before")
      let losing = Task.immediate {
        try await database.write {
          try $0.execute("INSERT OR ROLLBACK INTO row (note) VALUES ('durable')")
        }
      }
      let after = database.addsLater("after")
      try await writer.letGo()

      for task in [before, after] {
        let error = await #expect(throws: StorageError.self) { try await task.value }
        #expect(error?.isOutcomeUnknown == true)
      }
      await #expect(throws: StorageError.self) { try await losing.value }
      #expect(!database.isOpen)
      #expect(await reasons.first { _ in true } != nil)
      let refusal = await #expect(throws: StorageError.self) { try await database.add("later") }
      #expect(refusal?.isStopped == true)
      #expect(try await database.notes() == ["durable"])
    }
  }

  @Test("a step that fails undoes only itself, also inside another step")
  func steps() async throws {
    struct Failure: Error {}
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      try await database.write { connection in
        func insert(_ id: Int64) throws {
          try connection.execute(
            "INSERT INTO row (id, note) VALUES (?, ?)", [.integer(id), .text("\(id)")])
        }
        try insert(1)
        try connection.attempt { try insert(2) }
        #expect(throws: Failure.self) {
          try connection.attempt {
            try insert(3)
            try connection.attempt { try insert(4) }
            throw Failure()
          }
        }
        try connection.attempt {
          try insert(5)
          #expect(throws: StorageError.constraint(.unique, detail: "row.id")) {
            try connection.attempt { try insert(1) }
          }
        }
      }
      let ids = try await database.read { try $0.rows("SELECT id FROM row ORDER BY id") }
      #expect(ids.map { $0.integer(0) } == [1, 2, 5])
      await database.close()
    }
  }

  @Test("a unit cannot end its transaction")
  func transactionControl() async throws {
    try await TestDatabase.opened { database in
      await #expect(throws: StorageError.self) {
        try await database.write { try $0.execute("commit") }
      }
      try await database.add("still works")
    }
  }

  @Test("a full queue refuses at once, and what waits is still written")
  func overload() async throws {
    var limits = SQLiteLimits()
    limits.maxWaitingUnits = 2
    try await TestDatabase.opened(limits: limits) { database in
      let writer = await database.holdWriter()
      let waiting = [database.addsLater("a"), database.addsLater("b")]
      await #expect(throws: StorageError.overloaded(waiting: 2)) { try await database.add("c") }
      try await writer.letGo()
      for task in waiting { _ = try await task.value }
      #expect(try await database.notes() == ["a", "b"])
    }
  }

  @Test("a commit takes at most its limit of units")
  func largestCommit() async throws {
    var limits = SQLiteLimits()
    limits.maxUnitsPerCommit = 2
    try await TestDatabase.opened(limits: limits) { database in
      let commits = Counter()
      database.afterCommit { commits.increase() }
      let writer = await database.holdWriter()
      let waiting = (0..<5).map { database.addsLater("\($0)") }
      try await writer.letGo()
      for task in waiting { _ = try await task.value }
      #expect(commits.value == 4)  // the holder's, 2, 2 and 1
    }
  }

  @Test("a caller that is canceled while it waits gets its answer, and the row is there")
  func canceled() async throws {
    try await TestDatabase.opened { database in
      let writer = await database.holdWriter()
      let waiting = database.addsLater("canceled")
      waiting.cancel()
      try await writer.letGo()
      let id = try await waiting.value
      #expect(id == 1)
      #expect(try await database.notes() == ["canceled"])
    }
  }

  @Test("rows of many tasks are all there, under the ids they were told")
  func manyTasks() async throws {
    try await TestDatabase.opened { database in
      let told = try await withThrowingTaskGroup { group in
        for writer in 0..<50 {
          group.addTask {
            var told: [String: Int64] = [:]
            for step in 0..<20 {
              let note = "\(writer)-\(step)"
              told[note] = try await database.add(note)
            }
            return told
          }
        }
        var all: [String: Int64] = [:]
        for try await part in group { all.merge(part) { first, _ in first } }
        return all
      }
      let stored = try await database.read { connection in
        try connection.rows("SELECT note, id FROM row").map { ($0.text(0), $0.integer(1)) }
      }
      #expect(told.count == 1000)
      #expect(Dictionary(uniqueKeysWithValues: stored) == told)
    }
  }

  @Test("closing writes what waits and refuses what comes after")
  func closing() async throws {
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      let writer = await database.holdWriter()
      let waiting = database.addsLater("waiting")
      let closing = Task.immediate { await database.close() }
      await #expect(throws: StorageError.closed) { try await database.add("too late") }
      try await writer.letGo()
      _ = try await waiting.value
      await closing.value
      await database.close()
      await #expect(throws: StorageError.closed) { try await database.notes() }

      let reopened = try test.open()
      #expect(try await reopened.notes() == ["waiting"])
      await reopened.close()
    }
  }
}

extension StorageError {
  var isOutcomeUnknown: Bool {
    if case .outcomeUnknown = self { true } else { false }
  }

  var isStopped: Bool {
    if case .stopped = self { true } else { false }
  }
}
