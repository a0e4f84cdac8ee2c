import Foundation
import Storage
import Testing

/// A killed process proves that nothing acknowledged is only in its memory; that it is on the disk
/// and not only in the kernel's cache takes a power cut, which no test here can make.
@Suite("Crashes", .timeLimit(.minutes(1)))
struct CrashTests {
  static let rows = Migration(
    name: "rows", sql: "CREATE TABLE row (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT")

  @Test("whatever was acknowledged before the process was killed is there", arguments: 1...3)
  func killed(round: Int) async throws {
    try await TestDatabase.inFolder { test in
      let writer = try ChildWriter(path: test.path)
      var acknowledged: Set<Int64> = []
      for try await line in writer.lines {
        if let id = Int64(line) { acknowledged.insert(id) }
        guard acknowledged.count == 1000 * round else { continue }
        #expect(
          throws: StorageError.alreadyOpen(path: test.path, processID: writer.processID)
        ) { try test.open([Self.rows]) }
        writer.kill()
      }
      #expect(acknowledged.count >= 1000 * round)
      try await self.expect(acknowledged, in: test)
    }
  }

  @Test("a commit that fails on a full disk is reported as unknown and stops the writing")
  func diskFull() async throws {
    try await TestDatabase.inFolder { test in
      let writer = try ChildWriter(path: test.path, maxFileKiB: 512)
      var acknowledged: Set<Int64> = []
      var unknown = 0
      var stopped = 0
      for try await line in writer.lines {
        if let id = Int64(line) { acknowledged.insert(id) }
        if line.contains("may or may not be on disk") { unknown += 1 }
        if line.contains("writing stopped") { stopped += 1 }
      }
      #expect(!acknowledged.isEmpty)
      #expect(unknown > 0)
      #expect(stopped > 0)
      try await self.expect(acknowledged, in: test)
    }
  }

  private func expect(_ acknowledged: Set<Int64>, in test: TestDatabase) async throws {
    let database = try test.open([Self.rows])
    let (stored, check) = try await database.read { connection in
      let ids = try connection.rows("SELECT id FROM row").map { $0.integer(0) }
      return (Set(ids), try connection.row("PRAGMA integrity_check")?.text(0))
    }
    #expect(acknowledged.subtracting(stored) == [])
    #expect(check == "ok")
    await database.close()
  }
}
