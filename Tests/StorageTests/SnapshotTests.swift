import Foundation
import Storage
import Testing

@Suite("A held snapshot", .timeLimit(.minutes(1)))
struct SnapshotTests {
  @Test("nothing is committed until it is released; it stays as it was and can be copied")
  func holds() async throws {
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      try await database.add("before")
      let snapshot = try await database.hold(atMost: .seconds(60))
      let later = database.addsLater("after")
      #expect(try await database.notes() == ["before"])
      #expect(snapshot.release())
      _ = try await later.value
      #expect(try await database.notes() == ["before", "after"])
      let path = test.path + ".copy"
      try await snapshot.copy(to: path)
      let kept = try await snapshot.read { try $0.rows("SELECT note FROM row").map { $0.text(0) } }
      #expect(kept == ["before"])
      await snapshot.close()
      await #expect(throws: StorageError.closed) { try await snapshot.copy(to: path) }
      await database.close()

      #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
      let copy = try OfflineDatabase(path: path, locking: false)
      #expect(try copy.problemsOfFile().isEmpty)
      let notes = try copy.read { try $0.rows("SELECT note FROM row").map { $0.text(0) } }
      #expect(notes == ["before"])
      #expect(throws: StorageError.self) {
        try copy.read { try $0.execute("DELETE FROM row") }
      }
    }
  }

  @Test("the writer goes on by itself when nobody releases it, and that shows")
  func expires() async throws {
    try await TestDatabase.opened { database in
      let snapshot = try await database.hold(atMost: .milliseconds(1))
      // Comes behind the held writer.
      try await database.add("after")
      #expect(!snapshot.release())
      let kept = try await snapshot.read { try $0.integer("SELECT count(*) FROM row") }
      #expect(kept == 0)
      await snapshot.close()
      try await database.add("and on")
    }
  }

  @Test("a database that takes no writes cannot be held")
  func closed() async throws {
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      await database.close()
      await #expect(throws: StorageError.closed) {
        try await database.hold(atMost: .seconds(1))
      }
    }
  }

  @Test("a running service's database cannot be looked at offline")
  func locked() async throws {
    try await TestDatabase.inFolder { test in
      let database = try test.open()
      #expect(throws: StorageError.self) {
        try OfflineDatabase(path: test.path, locking: true)
      }
      await database.close()
      _ = try OfflineDatabase(path: test.path, locking: true)
    }
  }
}
