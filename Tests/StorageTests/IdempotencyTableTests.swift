import Storage
import Testing

@Suite("The idempotency table", .timeLimit(.minutes(1)))
struct IdempotencyTableTests {
  @Test("a key is new, then running, then answered, and the first answer stays")
  func life() async throws {
    try await TestDatabase.opened([IdempotencyTable.migration]) { database in
      #expect(try await database.recall("k") == .new)
      try await database.begin("k", at: 1)
      #expect(try await database.recall("k") == .running)
      #expect(try await database.answer("first", "k"))
      #expect(try await database.answer("second", "k") == false)
      #expect(try await database.recall("k") == .answered("first"))
      #expect(try await database.recall("k", fingerprint: "another") == .otherRequest)
      #expect(try await database.recall("k", scope: "bob") == .new)
    }
  }

  @Test("a key begins once")
  func twice() async throws {
    try await TestDatabase.opened([IdempotencyTable.migration]) { database in
      try await database.begin("k", at: 1)
      await #expect(
        throws: StorageError.constraint(.unique, detail: "idempotency.scope, idempotency.key")
      ) { try await database.begin("k", at: 2) }
    }
  }

  @Test("old answered keys are forgotten in portions, running ones stay")
  func purge() async throws {
    try await TestDatabase.opened([IdempotencyTable.migration]) { database in
      for age in 1...5 { try await database.begin("k\(age)", at: Int64(age)) }
      for age in 2...5 { try await database.answer("a", "k\(age)") }
      let purge: @Sendable (any SQLConnection) throws -> Int = { connection in
        try IdempotencyTable.purge(olderThan: 5, limit: 2, in: connection)
      }
      #expect(try await database.write(purge) == 2)
      #expect(try await database.write(purge) == 1)
      #expect(try await database.write(purge) == 0)
      #expect(try await database.recall("k1") == .running)
      #expect(try await database.recall("k4") == .new)
      #expect(try await database.recall("k5") == .answered("a"))
    }
  }
}

extension SQLiteDatabase {
  fileprivate func recall(
    _ key: String, scope: String = "alice", fingerprint: String = "request"
  ) async throws -> IdempotencyTable.Recollection {
    try await self.write { connection in
      try IdempotencyTable.recall(
        scope: scope, key: key, fingerprint: fingerprint, in: connection)
    }
  }

  fileprivate func begin(_ key: String, at createdAt: Int64) async throws {
    try await self.write { connection in
      try IdempotencyTable.begin(
        scope: "alice", key: key, fingerprint: "request", createdAt: createdAt, in: connection)
    }
  }

  @discardableResult
  fileprivate func answer(_ answer: String, _ key: String) async throws -> Bool {
    try await self.write { connection in
      try IdempotencyTable.answer(answer, scope: "alice", key: key, in: connection)
    }
  }
}
