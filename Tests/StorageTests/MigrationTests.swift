import Storage
import Testing

@Suite("Migrations", .timeLimit(.minutes(1)))
struct MigrationTests {
  static let first = Migration(
    name: "1", sql: "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a DEFAULT VALUES;")
  static let second = Migration(name: "2", sql: "INSERT INTO a SELECT id + 1 FROM a")

  @Test("each is applied once, in order, also those that come later")
  func once() async throws {
    try await TestDatabase.inFolder { test in
      for migrations in [[Self.first], [Self.first, Self.second], [Self.first, Self.second]] {
        let database = try test.open(migrations)
        let rows = try await database.read { try $0.integer("SELECT count(*) FROM a") }
        #expect(rows == Int64(migrations.count))
        await database.close()
      }
    }
  }

  @Test("an old binary refuses a newer database")
  func newerDatabase() async throws {
    try await TestDatabase.inFolder { test in
      await (try test.open([Self.first, Self.second])).close()
      #expect(throws: StorageError.unknownMigrations(path: test.path, names: ["2"])) {
        try test.open([Self.first])
      }
      await (try test.open([Self.first, Self.second])).close()
    }
  }

  @Test("a migration that was changed after it had been applied is refused")
  func changed() async throws {
    try await TestDatabase.inFolder { test in
      await (try test.open([Self.first])).close()
      #expect(throws: StorageError.migrationChanged(name: "1")) {
        try test.open([Migration(name: "1", sql: "CREATE TABLE b (id INTEGER PRIMARY KEY)")])
      }
    }
  }

  @Test("a migration that fails leaves nothing behind, and those before it stay")
  func failing() async throws {
    try await TestDatabase.inFolder { test in
      let broken = Migration(name: "2", sql: "INSERT INTO a DEFAULT VALUES; INSERT INTO nowhere")
      let error = #expect(throws: StorageError.self) { try test.open([Self.first, broken]) }
      #expect(error?.description.hasPrefix("migration 2 failed") == true)
      let database = try test.open([Self.first])
      #expect(try await database.read { try $0.integer("SELECT count(*) FROM a") } == 1)
      await database.close()
    }
  }
}
