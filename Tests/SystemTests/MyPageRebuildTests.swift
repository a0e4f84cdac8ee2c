import Foundation
import GiftAdaptors
import HTTPClientKit
import JSON
import Logging
import MyPageAdaptors
import Storage
import SystemHarness
import TestSupport
import Testing

@Suite("sugang mypage rebuild", .serialized)
struct MyPageRebuildTests {
  @Test("what is damaged on disk is found by --check, and put right without")
  func damaged() async throws {
    let system = try await RunningSugang.start()
    try await Self.enroll(20, system)
    let before = try await system.all("inquiryMypages")
    let equal = try await Self.rebuild(system, "--check")
    #expect(equal.status == 0, "\(equal.text)")
    #expect(equal.text.contains("equal: 20 rows"), "\(equal.text)")

    try await system.stopService("mypage", kill: false)
    try await Self.damage(system)
    try await system.startService("mypage")
    try await Self.untilReady(system)

    let checked = try await Self.rebuild(system, "--check")
    #expect(checked.status == 1, "\(checked.text)")
    #expect(checked.text.contains("different: 3 of 21 rows"), "\(checked.text)")
    #expect(checked.text.contains("changed  student"), "\(checked.text)")
    #expect(checked.text.contains("missing  -"), "\(checked.text)")
    #expect(checked.text.contains("extra    -"), "\(checked.text)")
    #expect(!checked.text.contains("mallory"), "\(checked.text)")
    #expect(try await system.all("inquiryMypages") != before)

    let repaired = try await Self.rebuild(system)
    #expect(repaired.status == 0, "\(repaired.text)")
    #expect(repaired.text.contains("repaired: 3 of 21 rows"), "\(repaired.text)")
    #expect(try await system.all("inquiryMypages") == before)
    #expect(try await Self.rebuild(system, "--check").status == 0)
    try await system.stop()
  }

  @Test("killed in the middle, it leaves the live view as it was, and the next one starts anew")
  func killed() async throws {
    let system = try await RunningSugang.start()
    try await Self.enroll(20, system)
    let before = try await system.all("inquiryMypages")
    // Without one of its sources a rebuild has a beginning and no end.
    try await system.stopService("gift", kill: false)
    async let killed = Self.rebuild(system)
    let file = system.data + "/mypage.rebuild.sqlite"
    try await eventually("the rebuild is under way") {
      FileManager.default.fileExists(atPath: file)
    }
    try await system.kill("mypage")
    #expect(try await killed.status == 1)
    try await system.startService("gift")
    try await Self.untilReady(system)
    #expect(!FileManager.default.fileExists(atPath: file))
    #expect(try await system.all("inquiryMypages") == before)
    let equal = try await Self.rebuild(system)
    #expect(equal.status == 0, "\(equal.text)")
    #expect(equal.text.contains("equal: 20 rows"), "\(equal.text)")
    try await system.stop()
  }

  @Test("of a stopped system: the same from the logs in its folder, which nobody else has open")
  func stopped() async throws {
    let system = try await RunningSugang.start()
    try await Self.enroll(20, system)
    Self.expectRefusal(try await Self.rebuildStopped(system, "--check"), "stop it first")
    try await system.stop()

    let sound = try await Self.content(system)
    #expect(sound.count == 20)
    let equal = try await Self.rebuildStopped(system, "--check")
    #expect(equal.status == 0, "\(equal.text)")
    #expect(equal.text.contains("equal: 20 rows"), "\(equal.text)")
    #expect(equal.text.contains("taking events: class "), "\(equal.text)")
    try await Self.damage(system)
    let damaged = try await Self.content(system)
    let checked = try await Self.rebuildStopped(system, "--check")
    #expect(checked.status == 1)
    #expect(checked.text.contains("different: 3 of 21 rows"), "\(checked.text)")
    #expect(!checked.text.contains("mallory"), "\(checked.text)")
    #expect(try await Self.content(system) == damaged)

    let repaired = try await Self.rebuildStopped(system)
    #expect(repaired.status == 0, "\(repaired.text)")
    #expect(repaired.text.contains("repaired: 3 of 21 rows"), "\(repaired.text)")
    // Byte for byte what the running system had made of the same events.
    #expect(try await Self.content(system) == sound)
    #expect(try await Self.rebuildStopped(system, "--check").status == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: system.data)
    #expect(!names.contains { $0.hasPrefix("mypage.rebuild") })
    let audit = try await CommandLineTests.run(["verify", "--data", system.data])
    #expect(audit.status == 0, "\(audit.text)")
  }

  @Test("of a stopped system: a damaged log, one that is gone, or a backup is no source")
  func refusesStopped() async throws {
    let system = try await RunningSugang.start()
    try await Self.enroll(3, system)
    try await system.stop()
    let sound = try await Self.content(system)
    let backup = try TemporaryFolder()
    let made = try await CommandLineTests.run(
      ["backup", "--data", system.data, "--to", backup.path + "/copy"])
    #expect(made.status == 0, "\(made.text)")
    Self.expectRefusal(
      try await CommandLineTests.run(["mypage", "rebuild", "--data", backup.path + "/copy"]),
      "is a backup, which stays as it is")

    try await Self.damage(system)
    let damaged = try await Self.content(system)
    #expect(damaged != sound)
    try await Self.change("gift", of: system, "UPDATE outbox SET subject = 'x' WHERE sequence = 2")
    Self.expectRefusal(try await Self.rebuildStopped(system), "the event log is damaged")
    try FileManager.default.removeItem(atPath: system.data + "/gift.sqlite")
    Self.expectRefusal(try await Self.rebuildStopped(system), "there are no events of gift")
    #expect(try await Self.content(system) == damaged)

    try await Self.change(
      "mypage", of: system, "INSERT INTO inquiry_mypage_ahead VALUES ('course', 1000)")
    Self.expectRefusal(try await Self.rebuildStopped(system, "--check"), "let it catch up")
    try FileManager.default.removeItem(atPath: system.data + "/mypage.sqlite")
    Self.expectRefusal(try await Self.rebuildStopped(system), "has no my page")
  }

  @Test("a my page that does not run is named, with what to do")
  func notThere() async throws {
    let offset = "\(try FreePorts.offset())"
    let down = try await CommandLineTests.run(["mypage", "rebuild", "--port-offset", offset])
    #expect(down.status == 1)
    #expect(down.text.contains("error: mypage does not answer at 127.0.0.1:"), "\(down.text)")
    #expect(down.text.contains("sugang start mypage"), "\(down.text)")
  }

  private static func rebuild(
    _ system: RunningSugang, _ flags: String...
  ) async throws -> (status: Int32, text: String) {
    try await CommandLineTests.run(
      ["mypage", "rebuild", "--port-offset", "\(system.portOffset)"] + flags)
  }

  private static func rebuildStopped(
    _ system: RunningSugang, _ flags: String...
  ) async throws -> (status: Int32, text: String) {
    try await CommandLineTests.run(["mypage", "rebuild", "--data", system.data] + flags)
  }

  /// The command ends with 1 and says so.
  private static func expectRefusal(
    _ answer: (status: Int32, text: String), _ reason: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == 1, sourceLocation: sourceLocation)
    #expect(answer.text.contains(reason), "\(answer.text)", sourceLocation: sourceLocation)
  }

  private static func enroll(_ count: Int, _ system: RunningSugang) async throws {
    let course = try await system.registerCourse()
    for number in 0..<count {
      #expect(try await system.enroll("student-\(number)", course: course).status == 201)
    }
    try await eventually("everything is settled") {
      try await BooksBalance(of: system).isSettled(classes: count)
    }
  }

  private static func untilReady(_ system: RunningSugang) async throws {
    try await eventually("the system is ready") {
      guard (try? await system.http.request("GET", "/readyz"))?.status == 200 else { return false }
      return (try? await system.all("inquiryMypages")) != nil
    }
  }

  private static func damage(_ system: RunningSugang) async throws {
    try await Self.change(
      "mypage", of: system,
      """
      INSERT INTO inquiry_mypage SELECT 5000, course_id, fee, student, text_book, status,
        payment_id, payment_status, delivery_status, point_status, cashpoint, giftstock,
        heard_enrollment, heard_text_book, heard_pay, heard_delivery, heard_point, heard_gift
      FROM inquiry_mypage WHERE class_id = 3
      """, "UPDATE inquiry_mypage SET student = 'mallory' WHERE class_id = 1",
      "DELETE FROM inquiry_mypage WHERE class_id = 2")
  }

  /// Of a service that does not run.
  private static func open(_ service: String, of system: RunningSugang) throws -> SQLiteDatabase {
    try SQLiteDatabase(
      path: "\(system.data)/\(service).sqlite",
      migrations: service == "mypage" ? SQLMyPageStore.migrations : SQLGiftStore.migrations,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func change(
    _ service: String, of system: RunningSugang, _ statements: String...
  ) async throws {
    let database = try Self.open(service, of: system)
    try await database.write { connection in
      for statement in statements { try connection.execute(statement) }
    }
    await database.close()
  }

  /// Every row of my page, every column.
  private static func content(_ system: RunningSugang) async throws -> [[SQLValue]] {
    let database = try Self.open("mypage", of: system)
    let rows = try await database.read { connection in
      try connection.rows("SELECT * FROM inquiry_mypage ORDER BY class_id").map { row in
        (0..<row.columnCount).map { row[$0] }
      }
    }
    await database.close()
    return rows
  }
}
