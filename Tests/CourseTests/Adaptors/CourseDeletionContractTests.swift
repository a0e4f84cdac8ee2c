import AdaptorTestSupport
import CourseCore
import Kernel
import Testing

@Suite("The contract of Course's port: deletion")
struct CourseDeletionContractTests {
  private let caller = CourseHarness.caller

  @Test("a course nobody is in is deleted, and its id does not come back", arguments: Way.allCases)
  func deletes(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness(deskSays: [.closed])
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      try await port.delete(course.id, by: caller)
      #expect(await problem { try await port.course(course.id) }?.kind == .notFound)
      #expect(await problem { try await port.delete(course.id, by: caller) }?.kind == .notFound)
      #expect(try await port.courses(try PageRequest()).totalElements == 0)
      let next = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      #expect(next.id > course.id)
    }
    #expect(
      try await courses.harness.eventTypes()
        == ["CourseRegistered", "CourseDeleted", "CourseRegistered"])
    #expect(courses.desk.questionsAsked == 1)
  }

  @Test("T32: a course that somebody is in stays", arguments: Way.allCases)
  func refuses(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness(deskSays: [.refused])
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      let refused = await problem { try await port.delete(course.id, by: caller) }
      #expect(refused?.code == "course-has-enrollments")
      #expect(refused?.kind == .conflict)
      #expect(try await port.course(course.id) == course)
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered"])
  }

  @Test("R22: a course stays when the desk is not there to ask", arguments: Way.allCases)
  func deskAway(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness(deskSays: [.notAsked(reason: "down")])
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      let refused = await problem { try await port.delete(course.id, by: caller) }
      #expect(refused?.kind == .unavailable)
      #expect(try await port.course(course.id) == course)
    }
  }

  @Test(
    "T2: a course whose deletion is not known is hidden until it is settled",
    arguments: Way.allCases)
  func deskSilent(_ way: Way) async throws {
    let caller = self.caller
    let courses = try CourseHarness(
      deskSays: [.unknown(reason: "timeout"), .unknown(reason: "timeout"), .refused])
    try await courses.with(way) { port in
      let course = try await port.register(try CourseHarness.command(), by: caller, key: nil)
      let refused = await problem { try await port.delete(course.id, by: caller) }
      #expect(refused?.kind == .unavailable)
      #expect(await problem { try await port.course(course.id) }?.kind == .notFound)
      let change = CourseChange(name: "other")
      #expect(
        await problem { try await port.modify(course.id, change, by: caller) }?.kind == .notFound)
      #expect(try await port.courses(try PageRequest()).totalElements == 0)

      #expect(try await courses.finishClosings() == Settlement(settled: 0, remaining: 1))
      #expect(try await courses.finishClosings() == Settlement(settled: 1, remaining: 0))
      #expect(try await courses.finishClosings() == Settlement(settled: 0, remaining: 0))
      #expect(try await port.course(course.id) == course)
    }
    #expect(try await courses.harness.eventTypes() == ["CourseRegistered"])
  }
}
