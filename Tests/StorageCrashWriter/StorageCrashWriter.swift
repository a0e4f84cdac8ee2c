import Foundation
import Logging
import Storage

/// Writes rows as fast as it can and prints the id of each acknowledged one, to be killed in
/// mid-load by the tests of the storage.
///
/// When a write fails, it prints `failed: …` for it and for one more try, and that writer ends.
@main
struct StorageCrashWriter {
  static let writers = 32

  static func main() async throws {
    guard CommandLine.arguments.count == 2 else {
      FileHandle.standardError.write(Data("usage: storage-crash-writer DATABASE\n".utf8))
      exit(2)
    }
    let database = try SQLiteDatabase(
      path: CommandLine.arguments[1],
      migrations: [
        Migration(
          name: "rows", sql: "CREATE TABLE row (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT")
      ], logger: Logger(label: "crash-writer") { _ in SwiftLogNoOpLogHandler() })
    await withTaskGroup { group in
      for writer in 0..<Self.writers {
        group.addTask { await Self.write(to: database, as: writer) }
      }
    }
    await database.close()
  }

  private static func write(to database: SQLiteDatabase, as writer: Int) async {
    var failures = 0
    while failures < 2 {
      do {
        let id = try await database.write { connection in
          try connection.insert("INSERT INTO row (note) VALUES (?)", [.text("writer \(writer)")])
        }
        Self.report("\(id)")
      } catch {
        failures += 1
        Self.report("failed: \(error)")
      }
    }
  }

  /// One `write` call a line, so that lines of different tasks do not mix and none is held back.
  private static func report(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }
}
