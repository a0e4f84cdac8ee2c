import Foundation
import HTTPClientKit
import SystemHarness
import Testing

@Suite("Killed in the middle", .serialized)
struct KillTests {
  /// Enrolls `count` students, some at once, and calls `afterSome` when a quarter has been answered.
  private static func enroll(
    _ count: Int, _ system: RunningSugang, course: Int64,
    afterSome disturb: @escaping @Sendable () async throws -> Void
  ) async throws -> [Int] {
    try await withThrowingTaskGroup(of: Int.self) { group in
      var statuses: [Int] = []
      for number in 0..<count {
        if number >= 16, let status = try await group.next() { statuses.append(status) }
        if number == count / 4 {
          group.addTask {
            try await disturb()
            return 0
          }
        }
        group.addTask { try await Self.enroll("student-\(number)", system, course) }
      }
      for try await status in group { statuses.append(status) }
      return statuses.filter { $0 != 0 }
    }
  }

  /// One student; a connection that breaks, as when the gateway is killed, is answered by asking
  /// again, as a browser does: "already enrolled" then means that the first request was heard.
  private static func enroll(
    _ student: String, _ system: RunningSugang, _ course: Int64
  ) async throws -> Int {
    var status = 0
    try await eventually("\(student) gets an answer") {
      guard let answer = try? await system.enroll(student, course: course) else { return false }
      status = answer.status
      return status != 503
    }
    return status
  }

  @Test("T2, T4: pay is killed during 200 enrollments; every class is paid exactly once")
  func payIsKilled() async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    let statuses = try await Self.enroll(200, system, course: course) {
      try await system.kill("pay")
    }
    #expect(statuses.count == 200)
    #expect(Set(statuses).isSubset(of: [201, 202, 409]), "\(Set(statuses))")
    try await eventually("everything is settled") {
      guard let books = try? await BooksBalance(of: system) else { return false }
      return books.isSettled(classes: 200)
    }
    try await BooksBalance(of: system).check()
    try await system.stop()
  }

  @Test(
    "K11, K23: any one service is killed during 60 enrollments; the books balance",
    arguments: ["class", "course", "point", "gift", "mypage", "alert", "gateway"])
  func anyIsKilled(_ service: String) async throws {
    let system = try await RunningSugang.start()
    let course = try await system.registerCourse()
    let statuses = try await Self.enroll(60, system, course: course) {
      try await system.kill(service)
    }
    #expect(Set(statuses).isSubset(of: [201, 202, 409]), "\(Set(statuses))")
    try await eventually("everything is settled") {
      guard let books = try? await BooksBalance(of: system) else { return false }
      return books.isSettled(classes: 60)
    }
    try await BooksBalance(of: system).check()
    try await system.stop()
  }
}
