import Foundation
import HTTPClientKit
import JSON
import Logging
import MyPageAdaptors
import Storage
import SystemHarness
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
    let database = try SQLiteDatabase(
      path: system.data + "/mypage.sqlite", migrations: SQLMyPageStore.migrations,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await database.write { connection in
      try connection.execute(
        """
        INSERT INTO inquiry_mypage SELECT 5000, course_id, fee, student, text_book, status,
          payment_id, payment_status, delivery_status, point_status, cashpoint, giftstock,
          heard_enrollment, heard_text_book, heard_pay, heard_delivery, heard_point, heard_gift
        FROM inquiry_mypage WHERE class_id = 3
        """)
      try connection.execute("UPDATE inquiry_mypage SET student = 'mallory' WHERE class_id = 1")
      try connection.execute("DELETE FROM inquiry_mypage WHERE class_id = 2")
    }
    await database.close()
  }
}
