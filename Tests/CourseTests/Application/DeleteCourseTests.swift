import CourseCore
import Kernel
import Testing

@Suite("Deleting a course")
struct DeleteCourseTests {
  private let store = InMemoryCourseStore()
  private let caller = Caller(requestID: "request-1")
  private let later = StoppedClock().time.adding(seconds: 1)

  @Test("removes it once Enrollment has closed it, and says so in one event")
  func deletes() async throws {
    let (courses, course) = try await self.course(deskSays: [.closed])

    try await courses.delete(course.id, by: self.caller)

    await #expect(throws: CourseError.notFound(course.id)) { try await courses.course(course.id) }
    #expect(self.store.events.last == self.deleted(course))
  }

  @Test("T32: is refused while somebody is enrolled, and the course stays open")
  func refused() async throws {
    let (courses, course) = try await self.course(deskSays: [.refused])

    await #expect(throws: CourseError.hasEnrollments(course.id)) {
      try await courses.delete(course.id, by: self.caller)
    }
    #expect(try await courses.course(course.id) == course)
    #expect(CourseError.hasEnrollments(course.id).problem.code == "course-has-enrollments")
  }

  @Test("stays open when Enrollment surely was not asked")
  func notAsked() async throws {
    let (courses, course) = try await self.course(deskSays: [.notAsked(reason: "down")])

    await #expect(throws: CourseError.enrollmentUnavailable("down")) {
      try await courses.delete(course.id, by: self.caller)
    }
    #expect(try await courses.course(course.id) == course)
  }

  @Test("T2: stays hidden when the answer is lost, until the question is asked again")
  func unknownThenClosed() async throws {
    let desk = ScriptedDesk([.unknown(reason: "timeout"), .closed])
    let (courses, course) = try await self.course(desk)

    await #expect(throws: CourseError.enrollmentUnavailable("timeout")) {
      try await courses.delete(course.id, by: self.caller)
    }
    await #expect(throws: CourseError.notFound(course.id)) { try await courses.course(course.id) }

    let settlement = try await self.finishClosings(desk)
    #expect(settlement == Settlement(settled: 1, remaining: 0))
    #expect(self.store.events.last == self.deleted(course))
  }

  @Test("T2: a course whose question may have been heard does not open because the next was not")
  func unknownThenNotAsked() async throws {
    let desk = ScriptedDesk([
      .unknown(reason: "timeout"), .notAsked(reason: "down"), .notAsked(reason: "down"), .refused,
    ])
    let (courses, course) = try await self.course(desk)

    for _ in 0..<2 {
      await #expect(throws: CourseError.self) {
        try await courses.delete(course.id, by: self.caller)
      }
    }
    #expect(try await self.finishClosings(desk) == Settlement(settled: 0, remaining: 1))
    #expect(try await self.store.openCourse(course.id) == nil)

    #expect(try await self.finishClosings(desk) == Settlement(settled: 1, remaining: 0))
    #expect(try await courses.course(course.id) == course)
  }

  @Test("T32: a refusal does not open a course that a later attempt may have closed")
  func lateRefusal() async throws {
    let store = self.store
    let later = ScriptedDesk([.unknown(reason: "timeout")])
    let desk = ScriptedDesk([.refused]) { id in
      let second = DeleteCourse(store: store, desk: later)
      let error = await #expect(throws: CourseError.self) {
        try await second.perform(id, at: StoppedClock().time, because: Cause(id: "second"))
      }
      #expect(error == .enrollmentUnavailable("timeout"))
    }
    let (courses, course) = try await self.course(desk)

    await #expect(throws: CourseError.hasEnrollments(course.id)) {
      try await courses.delete(course.id, by: self.caller)
    }
    #expect(try await store.openCourse(course.id) == nil)
    #expect(
      try await self.finishClosings(ScriptedDesk([.closed])) == Settlement(settled: 1, remaining: 0)
    )
  }

  @Test("a course that is closing right now is left to its request")
  func grace() async throws {
    let desk = ScriptedDesk([.unknown(reason: "timeout")])
    let (courses, course) = try await self.course(desk)
    await #expect(throws: CourseError.self) { try await courses.delete(course.id, by: self.caller) }

    let settlement = try await FinishClosings(store: self.store, desk: desk)
      .perform(since: StoppedClock().time, atMost: 10)

    #expect(settlement == Settlement(settled: 0, remaining: 0))
    #expect(desk.questionsAsked == 1)
  }

  @Test("T32: a course closed under a clock that ran ahead does not wait for that time to come")
  func clockRanAhead() async throws {
    let desk = ScriptedDesk([.unknown(reason: "timeout"), .closed])
    let (courses, course) = try await self.course(desk)
    await #expect(throws: CourseError.self) { try await courses.delete(course.id, by: self.caller) }

    // The clock is an hour back now.
    let settlement = try await FinishClosings(store: self.store, desk: desk)
      .perform(since: StoppedClock().time.adding(seconds: -3600), atMost: 10)

    #expect(settlement == Settlement(settled: 1, remaining: 0))
    #expect(try await self.store.openCourse(course.id) == nil)
  }

  @Test("the id of a deleted course is not given again")
  func noReuse() async throws {
    let (courses, course) = try await self.course(deskSays: [.closed])
    try await courses.delete(course.id, by: self.caller)

    let next = try await courses.register(
      try RegisterCourseTests.korean(), by: self.caller, key: nil)

    #expect(next.id > course.id)
  }

  private func course(
    deskSays answers: [ClosingAnswer]
  ) async throws -> (CourseApplication, Course) {
    try await self.course(ScriptedDesk(answers))
  }

  private func course(_ desk: ScriptedDesk) async throws -> (CourseApplication, Course) {
    let courses = CourseApplication(store: self.store, desk: desk, clock: StoppedClock())
    let course = try await courses.register(
      try RegisterCourseTests.korean(), by: self.caller, key: nil)
    return (courses, course)
  }

  private func finishClosings(_ desk: ScriptedDesk) async throws -> Settlement {
    try await FinishClosings(store: self.store, desk: desk).perform(since: self.later, atMost: 10)
  }

  private func deleted(_ course: Course) -> CourseEvent {
    .courseDeleted(
      CourseDeleted(id: course.id, name: course.details.name, teacher: course.details.teacher))
  }
}
