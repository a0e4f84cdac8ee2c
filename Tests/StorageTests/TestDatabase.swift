import Dispatch
import Foundation
import Logging
import Storage
import Synchronization

/// A database in a folder of its own, which is deleted afterwards.
struct TestDatabase {
  static let rows = Migration(
    name: "rows",
    sql: """
      CREATE TABLE row (id INTEGER PRIMARY KEY, note TEXT NOT NULL UNIQUE) STRICT;
      CREATE TABLE child (
        id INTEGER PRIMARY KEY,
        row INTEGER NOT NULL REFERENCES row (id) DEFERRABLE INITIALLY DEFERRED
      ) STRICT;
      """)
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  let path: String

  func open(
    _ migrations: [Migration] = [TestDatabase.rows], limits: SQLiteLimits = SQLiteLimits()
  ) throws(StorageError) -> SQLiteDatabase {
    try SQLiteDatabase(
      path: self.path, migrations: migrations, limits: limits, logger: TestDatabase.quiet)
  }

  func logBytes() throws -> Int {
    let log = try FileManager.default.attributesOfItem(atPath: self.path + "-wal")
    return log[.size] as? Int ?? 0
  }

  static func inFolder(_ body: (TestDatabase) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("storage-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(TestDatabase(path: folder.appendingPathComponent("test.db").path))
  }

  static func opened(
    _ migrations: [Migration] = [TestDatabase.rows], limits: SQLiteLimits = SQLiteLimits(),
    _ body: (SQLiteDatabase) async throws -> Void
  ) async throws {
    try await self.inFolder { test in
      let database = try test.open(migrations, limits: limits)
      do {
        try await body(database)
      } catch {
        await database.close()
        throw error
      }
      await database.close()
    }
  }
}

extension SQLiteDatabase {
  /// Inserts one row from a task that waits already when this returns.
  func addsLater(_ note: String) -> Task<Int64, any Error> {
    Task.immediate { try await self.add(note) }
  }

  @discardableResult
  func add(_ note: String) async throws -> Int64 {
    try await self.write { connection in
      try connection.insert("INSERT INTO row (note) VALUES (?)", [.text(note)])
    }
  }

  func notes() async throws -> [String] {
    try await self.read { connection in
      try connection.rows("SELECT note FROM row ORDER BY id").map { $0.text(0) }
    }
  }

  /// Holds the writer inside a unit, so that whatever is written meanwhile waits together.
  func holdWriter() async -> HeldWriter {
    let gate = DispatchSemaphore(value: 0)
    let held = Mutex<Task<Void, any Error>?>(nil)
    await withCheckedContinuation { started in
      let task = Task.immediate {
        try await self.write { _ in
          started.resume()
          gate.wait()
        }
      }
      held.withLock { $0 = task }
    }
    return HeldWriter(gate: gate, task: held.withLock { $0 })
  }
}

/// A writer that waits inside a unit until it is let go.
struct HeldWriter {
  let gate: DispatchSemaphore
  let task: Task<Void, any Error>?

  func letGo() async throws {
    self.gate.signal()
    try await self.task?.value
  }
}

/// Counts on any thread.
final class Counter: Sendable {
  private let count = Atomic(0)

  var value: Int { self.count.load(ordering: .sequentiallyConsistent) }

  func increase() {
    self.count.add(1, ordering: .sequentiallyConsistent)
  }
}
