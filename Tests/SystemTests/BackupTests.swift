import Foundation
import HTTPClientKit
import Logging
import PayAdaptors
import Storage
import SystemHarness
import TestSupport
import Testing

@Suite("Backup, restore, verify", .serialized)
struct BackupTests {
  private static func sugang(_ arguments: String...) async throws -> (status: Int32, text: String) {
    try await CommandLineTests.run(arguments)
  }

  @Test("G18: a backup taken under load is whole, starts, and its books balance")
  func underLoad() async throws {
    let backups = try TemporaryFolder()
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    let offset = "\(system.portOffset)"
    // Three backups while students enroll: each is of some instant in the middle.
    let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
      for client in 0..<8 {
        group.addTask {
          var statuses: [Int] = []
          for number in 0..<40 {
            statuses.append(
              try await system.enroll("student-\(client)-\(number)", course: course).status)
          }
          return statuses
        }
      }
      group.addTask {
        for number in 1...3 {
          let backup = try await Self.sugang(
            "backup", "--to", "\(backups.path)/\(number)", "--port-offset", offset)
          #expect(backup.status == 0, "\(backup.text)")
        }
        return []
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(statuses.count == 320)
    #expect(Set(statuses).isSubset(of: [201, 202]), "\(Set(statuses))")

    // A running system's files are nobody else's.
    let refused = try await Self.sugang("verify", "--data", system.data)
    #expect(refused.status == 1)
    #expect(refused.text.contains("sugang backup"), "\(refused.text)")
    try await system.stop()
    let stopped = try await Self.sugang("verify", "--data", system.data)
    #expect(stopped.status == 0, "\(stopped.text)")

    for number in 1...3 { try await Self.drill("\(backups.path)/\(number)") }
  }

  /// Restores a backup, verifies it, starts on it and looks at the books.
  private static func drill(_ backup: String) async throws {
    let folder = try TemporaryFolder()
    let restored = try await Self.sugang(
      "restore", "--from", backup, "--data", folder.path)
    #expect(restored.status == 0, "\(restored.text)")
    let verified = try await Self.sugang("verify", "--data", folder.path)
    #expect(verified.status == 0, "\(verified.text)")
    let again = try await Self.sugang("restore", "--from", backup, "--data", folder.path)
    #expect(again.status == 1)
    #expect(again.text.contains("is not empty"), "\(again.text)")

    let system = try await RunningSugang.start(in: folder)
    try await eventually("everything is settled") {
      guard let books = try? await BooksBalance(of: system) else { return false }
      return books.isSettled(classes: books.classes.count)
    }
    let books = try await BooksBalance(of: system)
    books.check()
    // It goes on: nothing in the logs or cursors stands in the way.
    let course = try await system.registerCourse()
    #expect(try await system.enroll("latecomer", course: course).status == 201)
    try await eventually("the latecomer is settled") {
      guard let now = try? await BooksBalance(of: system) else { return false }
      return now.isSettled(classes: books.classes.count + 1)
    }
    try await BooksBalance(of: system).check()
    try await system.stop()
    let after = try await Self.sugang("verify", "--data", folder.path)
    #expect(after.status == 0, "\(after.text)")
  }

  @Test("damage is found, named, and not restored; a lost log is not started on")
  func damage() async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    for number in 0..<5 { try await system.admit("student-\(number)", course: course) }
    try await eventually("everything is settled") {
      guard let books = try? await BooksBalance(of: system) else { return false }
      return books.isSettled(classes: 5)
    }
    try await system.stop()
    let data = system.data
    let backups = try TemporaryFolder()
    let backup = "\(backups.path)/one"
    let made = try await Self.sugang("backup", "--data", data, "--to", backup)
    #expect(made.status == 0, "\(made.text)")

    try await Self.checkDamagedBackup(backup)
    try await Self.checkDamagedData(data)
    try await Self.checkLostCommits(data)
  }

  private static func checkDamagedBackup(_ backup: String) async throws {
    let path = URL(fileURLWithPath: backup + "/pay.sqlite")
    let good = try Data(contentsOf: path)
    var bad = good
    bad[good.count / 2] ^= 1
    try bad.write(to: path)
    let folder = try TemporaryFolder()
    let refused = try await Self.sugang("restore", "--from", backup, "--data", folder.path)
    #expect(refused.status == 1)
    #expect(refused.text.contains("pay.sqlite has another SHA-256"), "\(refused.text)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    try good.write(to: path)

    let manifest = backup + "/manifest.json"
    try FileManager.default.moveItem(atPath: manifest, toPath: manifest + "-away")
    let partial = try await Self.sugang("restore", "--from", backup, "--data", folder.path)
    #expect(partial.status == 1)
    #expect(partial.text.contains("is no backup"), "\(partial.text)")
    try FileManager.default.moveItem(atPath: manifest + "-away", toPath: manifest)
  }

  /// Changes by a client of SQLite that knows nothing of chains; each is undone again.
  private static func checkDamagedData(_ data: String) async throws {
    let edits: [(edit: String, undo: String, told: String)] = [
      (
        "UPDATE outbox SET subject = subject || 'x' WHERE sequence = 2",
        "UPDATE outbox SET subject = rtrim(subject, 'x') WHERE sequence = 2",
        "row 2 of outbox is altered"
      ),
      (
        "UPDATE payment SET status = 'CANCEL' WHERE id = 3",
        "UPDATE payment SET status = 'PAYMENT_COMPLETED' WHERE id = 3", "payment 3 is CANCEL"
      ),
      (
        "UPDATE payment SET class_id = 777 WHERE id = 2",
        "UPDATE payment SET class_id = \(try await Self.classOfPayment2(data)) WHERE id = 2",
        "class 2 is REGISTERED, and nobody paid for it"
      ),
      (
        "INSERT INTO inbox_cursor (source, log_id, sequence) VALUES ('course', 'other', 1)",
        "DELETE FROM inbox_cursor WHERE source = 'course'",
        "it took events of another log of course: other"
      ),
    ]
    for (edit, undo, told) in edits {
      try await Self.editPay(data, edit)
      let found = try await Self.sugang("verify", "--data", data)
      #expect(found.status == 1)
      #expect(found.text.contains(told), "\(found.text)")
      try await Self.editPay(data, undo)
    }
    let clean = try await Self.sugang("verify", "--data", data)
    #expect(clean.status == 0, "\(clean.text)")
    #expect(!clean.text.contains("NOT KNOWN"), "\(clean.text)")

    // Whole as it is, but nobody can say whether it is all.
    let mark = HighWaterMark.path(ofDatabase: data + "/pay.sqlite")
    try FileManager.default.moveItem(atPath: mark, toPath: mark + ".away")
    let unmarked = try await Self.sugang("verify", "--data", data)
    #expect(unmarked.status == 0, "\(unmarked.text)")
    #expect(unmarked.text.contains("NOT KNOWN: no mark"), "\(unmarked.text)")
    try FileManager.default.moveItem(atPath: mark + ".away", toPath: mark)
  }

  /// Pay's log lacks its end: it does not start, and does once a person has given that up.
  private static func checkLostCommits(_ data: String) async throws {
    try await Self.editPay(data, "DELETE FROM outbox WHERE sequence > 3")
    let found = try await Self.sugang("verify", "--data", data)
    #expect(found.status == 1)
    #expect(found.text.contains("row 4 of outbox is missing: rows up to 5"), "\(found.text)")
    let started = try await Self.sugang(
      "serve", "pay", "--data", data, "--port-offset", "\(try FreePorts.offset())")
    #expect(started.status == 1)
    #expect(started.text.contains("events end at 3, and 5 were committed"), "\(started.text)")
    let wrong = try await Self.sugang(
      "mark", "accept-loss", "pay", "--data", data, "--from", "3", "--to", "9")
    #expect(wrong.status == 1)
    let given = try await Self.sugang(
      "mark", "accept-loss", "pay", "--data", data, "--from", "3", "--to", "5")
    #expect(given.status == 0, "\(given.text)")
  }

  private static func classOfPayment2(_ data: String) async throws -> Int64 {
    let database = try OfflineDatabase(path: data + "/pay.sqlite", locking: true)
    return try #require(
      try database.read { try $0.integer("SELECT class_id FROM payment WHERE id = 2") })
  }

  private static func editPay(_ data: String, _ sql: String) async throws {
    let database = try SQLiteDatabase(
      path: data + "/pay.sqlite", migrations: SQLPayStore.migrations,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await database.write { try $0.execute(sql) }
    await database.close()
  }

  @Test("a service that is away is named, and leaves no backup behind")
  func away() async throws {
    let folder = try TemporaryFolder()
    let target = folder.path + "/backup"
    let offset = "\(try FreePorts.offset())"
    let answer = try await Self.sugang("backup", "--to", target, "--port-offset", offset)
    #expect(answer.status == 1)
    #expect(answer.text.contains("does not answer"), "\(answer.text)")
    #expect(!FileManager.default.fileExists(atPath: target + "/manifest.json"))
    let verified = try await Self.sugang("verify", "--data", target)
    #expect(verified.status == 1)
  }
}
