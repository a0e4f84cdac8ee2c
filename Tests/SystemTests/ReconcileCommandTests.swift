import CourseAdaptors
import EnrollmentAdaptors
import Foundation
import HTTPClientKit
import JSON
import Logging
import MyPageAdaptors
import PayAdaptors
import Storage
import SystemHarness
import TestSupport
import Testing

@Suite("sugang reconcile", .serialized)
struct ReconcileCommandTests {
  /// Of each kind below.
  private static let each = 6
  private static let kinds = 9

  @Test("G7: every orphan of nine kinds is found and mended, and what is fine is not touched")
  func orphans() async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    let count = Self.each * Self.kinds
    for number in 1...count + 20 {
      try await system.admit("student-\(number)", course: course)
    }
    // The last of them are canceled, so that something can be left of them.
    for id in count - Self.each + 1...count {
      _ = try await system.http.request("DELETE", "/classes/\(id)")
    }
    try await eventually("everything is settled") {
      try await BooksBalance(of: system).problems().isEmpty
    }
    let clean = try await Self.reconcile(system)
    #expect(clean.status == 0, "\(clean.text)")
    #expect(clean.text.contains("captured 680000 won = registered 680000 + pending 0"))
    try await system.stop()

    let mutated = try await Self.mutate(system.data)
    #expect(mutated.count >= 50)
    let folder = try #require(system.folder)
    let damaged = try await RunningSugang.start(in: folder)
    let fine = (count + 1...count + 20).map(Int64.init)
    let before = try await Self.picture(damaged, fine)

    let found = try await Self.reconcile(damaged, "--json")
    #expect(found.status == 1)
    // After it comes the line that says how many.
    let end = try #require(found.text.lastIndex(of: "}"))
    let json = try JSONValue(parsing: String(found.text[...end]))
    #expect(Self.classes(json, "findings") == mutated)
    #expect(json["balances"] == false)
    #expect(found.text.contains("a store was changed or set back"), "\(found.text)")

    let repaired = try await Self.reconcile(damaged, "--repair", "--patience", "15s")
    #expect(repaired.status == 0, "\(repaired.text)")
    let again = try await Self.reconcile(damaged)
    #expect(again.status == 0, "\(again.text)")
    #expect(again.text.contains("findings: 0"), "\(again.text)")
    #expect(try await Self.picture(damaged, fine) == before)
    try await damaged.stop()
  }

  @Test("what only a person can decide is told, and left as it is")
  func forAPerson() async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    for number in 1...3 { try await system.admit("student-\(number)", course: course) }
    try await eventually("everything is settled") {
      try await BooksBalance(of: system).isSettled(classes: 3)
    }
    try await system.stop()
    let pay = system.data + "/pay.sqlite"
    try await Self.edit(
      pay, SQLPayStore.migrations,
      [
        "UPDATE payment SET fee = 9000 WHERE class_id = 1",
        "UPDATE payment SET student = 'somebody' WHERE class_id = 2",
        "DELETE FROM payment WHERE class_id = 3",
      ])
    let folder = try #require(system.folder)
    let damaged = try await RunningSugang.start(in: folder)
    let outcome = try await Self.reconcile(damaged, "--repair", "--patience", "2s")
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("fee 10000, paid 9000"), "\(outcome.text)")
    #expect(outcome.text.contains("student student-2, paid somebody"), "\(outcome.text)")
    #expect(outcome.text.contains("unpaid-class"), "\(outcome.text)")
    #expect(outcome.text.contains("3 findings are left for a person"), "\(outcome.text)")
    #expect(try await damaged.all("classes").count == 3)
    #expect(try await damaged.all("payments").count == 2)
    try await damaged.stop()
  }

  @Test("a service that is away is named")
  func away() async throws {
    let offset = "\(try FreePorts.offset())"
    let outcome = try await CommandLineTests.run(["reconcile", "--port-offset", offset])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("does not answer at 127.0.0.1:"), "\(outcome.text)")
  }

  /// Changes state tables only, as no program of ours does: the logs of events stay whole.
  ///
  /// - Returns: The classes that are wrong now.
  private static func mutate(_ data: String) async throws -> Set<Int64> {
    var classes: Set<Int64> = []
    func ids(_ kind: Int) -> ClosedRange<Int> {
      let ids = kind * Self.each + 1...(kind + 1) * Self.each
      classes.formUnion(ids.map(Int64.init))
      return ids
    }
    func range(_ ids: ClosedRange<Int>) -> String { "\(ids.lowerBound) AND \(ids.upperBound)" }
    let untold = 900_001...900_000 + Self.each
    let unpaid = 1_000_001...1_000_000 + Self.each
    let (canceled, gone, refunded) = (range(ids(0)), range(ids(1)), range(ids(2)))
    let (undelivered, page, left) = (range(ids(3)), range(ids(4)), range(ids(Self.kinds - 1)))
    let lost = range(ids(5))
    // No class at all, one whose payment failed, and one that nobody has paid for.
    let strangers = 800_001...800_000 + Self.each
    for ids in [untold, unpaid, strangers] { classes.formUnion(ids.map(Int64.init)) }

    func row(_ id: Int, _ status: String) -> String {
      """
      INSERT INTO class (id, course_id, fee, text_book, student, status, accepted_at)
      VALUES (\(id), 1, 10000, 'kor_book', 'more-\(id)', '\(status)', 1)
      """
    }
    func payment(_ id: Int) -> String {
      """
      INSERT INTO payment (id, class_id, course_id, fee, student, text_book, status)
      VALUES (\(id), \(id), 1, 10000, 'more-\(id)', 'kor_book', 'PAYMENT_COMPLETED')
      """
    }
    try await Self.edit(
      data + "/class.sqlite", SQLEnrollmentStore.migrations + SQLWaitingRoomStore.migrations,
      [
        "UPDATE class SET status = 'CANCELED' WHERE id BETWEEN \(canceled)",
        "DELETE FROM class WHERE id BETWEEN \(gone)",
      ] + untold.map { row($0, "PAYMENT_FAILED") } + unpaid.map { row($0, "REGISTERED") } + [
        """
        UPDATE offered_course SET seats_taken = (
          SELECT count(*) FROM class WHERE status IN ('PENDING', 'REGISTERED'))
        """
      ])
    try await Self.edit(
      data + "/pay.sqlite", SQLPayStore.migrations,
      ["UPDATE payment SET status = 'CANCEL' WHERE class_id BETWEEN \(refunded)"]
        + (Array(untold) + Array(strangers)).map(payment))
    try await Self.edit(
      data + "/course.sqlite", SQLCourseStore.migrations,
      [
        "DELETE FROM delivery WHERE class_id BETWEEN \(undelivered)",
        "UPDATE delivery SET status = 'DELIVERY_START' WHERE class_id BETWEEN \(left)",
      ])
    try await Self.edit(
      data + "/mypage.sqlite", SQLMyPageStore.migrations,
      [
        "UPDATE inquiry_mypage SET status = 'CLASS_CANCELED' WHERE class_id BETWEEN \(page)",
        """
        UPDATE inquiry_mypage SET payment_status = 'PAYMENT_CANCELED'
        WHERE class_id BETWEEN \(lost)
        """,
      ])
    return classes
  }

  static func edit(
    _ path: String, _ migrations: [Migration], _ statements: [String]
  ) async throws {
    let database = try SQLiteDatabase(
      path: path, migrations: migrations,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await database.write { connection in
      for statement in statements { try connection.execute(statement) }
    }
    await database.close()
  }

  /// Into a file: it says more than a pipe holds.
  static func reconcile(
    _ system: RunningSugang, _ flags: String...
  ) async throws -> (status: Int32, text: String) {
    let folder = try TemporaryFolder()
    let path = folder.path + "/output"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    let output = try #require(FileHandle(forWritingAtPath: path))
    let process = try SendableProcess(
      RunningSugang.executable, ["reconcile", "--port-offset", "\(system.portOffset)"] + flags,
      outputFile: output)
    try await eventually("sugang reconcile ends", within: .seconds(180)) { !process.isRunning }
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return (process.exitStatus, text)
  }

  private static func classes(_ json: JSONValue, _ list: String) -> Set<Int64> {
    Set(json[list]?.array?.compactMap { $0["class"]?.int64 } ?? [])
  }

  /// Everything that is shown of some classes.
  private static func picture(
    _ system: RunningSugang, _ ids: [Int64]
  ) async throws -> [String: [JSONValue]] {
    var picture: [String: [JSONValue]] = [:]
    for collection in ["payments", "deliveries", "points", "gifts", "inquiryMypages"] {
      picture[collection] = try await system.all(collection).filter {
        ids.contains($0["classId"]?.int64 ?? 0)
      }
    }
    picture["classes"] = try await system.all("classes").filter {
      ids.contains(try RunningSugang.id($0))
    }
    return picture
  }
}
