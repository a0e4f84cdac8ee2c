import AdaptorTestSupport
import CourseCore
import Kernel
import Testing

@Suite("T22: who may do what with courses and deliveries")
struct CourseOwnershipTests {
  private static let other = Caller(
    Subject(name: "other", roles: [.instructor]), requestID: "request-x")

  @Test("an instructor offers and changes their own courses alone", arguments: Way.allCases)
  func courses(_ way: Way) async throws {
    let courses = try CourseHarness(deskSays: [.closed])
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await courses.with(way) { (port: any CoursePort) async throws -> Void in
        func command(_ teacher: String) throws -> RegisterCourse {
          RegisterCourse(name: "korean", teacher: teacher, fee: try Money(won: 10_000))
        }
        let student = await problem {
          try await port.register(try command("student-a"), by: .studentA, key: nil)
        }
        #expect(student?.code == "role-missing")
        let another = await problem {
          try await port.register(try command("teacher"), by: Self.other, key: nil)
        }
        #expect(another?.code == "not-owner")
        let course = try await port.register(try command(""), by: .teacher, key: nil)
        #expect(course.details.teacher == "teacher")

        let change = CourseChange(name: "Korean 2")
        for (caller, code) in [(Caller.studentA, "role-missing"), (Self.other, "not-owner")] {
          let modified = await problem { try await port.modify(course.id, change, by: caller) }
          #expect(modified?.code == code)
          let canceled = await problem { try await port.cancel(course.id, by: caller) }
          #expect(canceled?.code == code)
          let deleted = await problem { try await port.delete(course.id, by: caller) }
          #expect(deleted?.code == code)
          let looked = await problem { try await port.cancellation(course.id, by: caller) }
          #expect(looked?.code == code)
        }
        let given = await problem {
          try await port.modify(course.id, CourseChange(teacher: "other"), by: .teacher)
        }
        #expect(given?.code == "not-owner")
        #expect(try await port.modify(course.id, change, by: .teacher).details.name == "Korean 2")
        #expect(
          try await port.modify(course.id, CourseChange(teacher: "other"), by: .admin)
            .details.teacher == "other")
        try await port.delete(course.id, by: Self.other)
        #expect(
          await problem { try await port.modify(course.id, change, by: .admin) }?.kind == .notFound)
      }
    }
  }

  @Test("a student sees their own deliveries alone, an operator all", arguments: Way.allCases)
  func deliveries(_ way: Way) async throws {
    let courses = try CourseHarness()
    try await courses.tell([
      try PaymentNews.approved(1, payment: 5, class: 1, student: Caller.studentA.name),
      try PaymentNews.approved(2, payment: 6, class: 2, student: Caller.studentB.name),
    ])
    let page = try PageRequest()
    try await ContextHarness.$tokens.withValue(TestTokens()) {
      try await courses.with(way) { (port: any CoursePort) async throws -> Void in
        #expect(
          try await port.delivery(DeliveryID(1), by: .studentA).order.student == "student-a")
        let hidden = await problem { try await port.delivery(DeliveryID(1), by: .studentB) }
        #expect(hidden?.kind == .notFound)
        let own = try await port.deliveries(page, by: .studentB)
        #expect(own.items.map(\.order.classID) == [ClassID(2)])
        #expect(own.totalElements == 1)
        #expect(try await port.deliveries(page, by: .admin).totalElements == 2)
        #expect(try await port.deliveries(of: ClassID(1), by: .studentB).isEmpty)
        #expect(try await port.deliveries(of: ClassID(1), by: .studentA).count == 1)
      }
    }
  }
}
