import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import Kernel
import Testing

@Suite("X1: Enrollment when a course is canceled with people in it")
struct CourseCancellationTests {
  private let caller = EnrollmentHarness.caller

  @Test("everybody is let go batch by batch, each with one event, whatever is heard twice")
  func batches() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    let count = CancelClasses.batchSize * 2 + 5
    for number in 1...count { _ = try await self.enroll("student-\(number)", classes) }

    try await classes.hear(CourseNews.canceled(2))
    #expect(try await self.progress(classes) == .init(isHeard: true, total: 133, remaining: 133))
    #expect(try await classes.cancelClasses() == Settlement(settled: 1, remaining: 0))
    #expect(try await self.progress(classes) == .init(isHeard: true, total: 133, remaining: 69))
    // The event again, in the middle: what was counted at first stays.
    try await classes.hear(CourseNews.canceled(2), CourseNews.canceled(3))
    for _ in 0..<2 { _ = try await classes.cancelClasses() }
    #expect(try await self.progress(classes) == .init(isHeard: true, total: 133, remaining: 0))
    #expect(try await classes.cancelClasses() == Settlement(settled: 0, remaining: 0))

    let events = try await classes.harness.outbox.events(after: 0, limit: 500).events
    let canceled = events.filter { $0.type == "ClassCanceled" }
    #expect(Set(canceled.map(\.subject)).count == count)
    #expect(canceled.count == count)
    #expect(Set(canceled.map(\.causationID)) == ["cancel-course-1"])
    #expect(try await classes.seatsAreRight())
  }

  @Test("nobody gets in any more, nobody waits any more; other courses go on")
  func closed() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(
      CourseNews.registered(1, capacity: 1), CourseNews.registered(2, course: 2))
    _ = try await self.enroll("a", classes)
    let place = try await classes.waitlist.join(
      JoinWaitlist(courseID: CourseID(1), student: "b"), by: self.caller, key: nil)
    try await classes.hear(CourseNews.canceled(3))

    #expect(await problem { try await self.enroll("c", classes) }?.code == "course-closed")
    let wish = JoinWaitlist(courseID: CourseID(1), student: "c")
    let refused = await problem {
      try await classes.waitlist.join(wish, by: self.caller, key: nil)
    }
    #expect(refused?.code == "course-closed")
    #expect(try await classes.waitlist.place(place.entry.id).entry.state == .closed)
    _ = try await classes.cancelClasses()
    // Its seat is offered to nobody.
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered", "ClassCanceled"])
    #expect(try await classes.seatsAreRight())
    let other = try EnrollmentHarness.command(course: 2, student: "a")
    #expect(
      try await classes.application.register(other, by: self.caller, key: nil).status
        == .registered)
  }

  @Test("T2, T16: a pending class is canceled too, and a late yes does not bring it back")
  func pending() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    classes.gateway.next(.unknown(reason: "timeout"))
    let id = try await self.enroll("a", classes).id
    try await classes.hear(CourseNews.canceled(2))
    #expect(try await classes.cancelClasses() == Settlement(settled: 1, remaining: 0))
    #expect(try await classes.settle() == Settlement(settled: 0, remaining: 0))
    #expect(try await classes.harness.eventTypes() == ["ClassCanceled"])
    #expect(try await classes.store.enrollment(id)?.status == .canceled)
  }

  @Test("a course that is canceled while Pay is asked: the student hears that the class is over")
  func meanwhile() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    classes.gateway.next { request in
      do {
        try await classes.hear(CourseNews.canceled(2))
        _ = try await classes.cancelClasses()
      } catch {
        Issue.record("\(error)")
      }
      return .approved(PaymentID(request.classID.value))
    }
    #expect(await problem { try await self.enroll("a", classes) }?.code == "class-canceled")
    // Pay hears it too, and gives the money back.
    #expect(try await classes.harness.eventTypes() == ["ClassCanceled"])
    #expect(try await classes.seatsAreRight())
  }

  @Test("T31: a course that Enrollment has not heard of, and Course says is canceled, is closed")
  func unheard() async throws {
    let classes = try EnrollmentHarness()
    classes.catalog.next(.canceled)
    #expect(await problem { try await self.enroll("a", classes) }?.code == "course-closed")
  }

  @Test("a canceled course that nobody is in any more may be closed, and deleted")
  func deleted() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    _ = try await self.enroll("a", classes)
    try await classes.hear(CourseNews.canceled(2))
    let close = { try await classes.application.close(CourseID(1), by: self.caller) }
    #expect(await problem(close)?.code == "course-has-enrollments")
    _ = try await classes.cancelClasses()
    try await close()
    #expect(try await classes.copy()?.state == .canceled)
    try await classes.hear(CourseNews.deleted(3), CourseNews.canceled(4))
    #expect(try await classes.copy()?.state == .deleted)
  }

  @Test("progress is told in numbers, also before the news has come", arguments: Way.allCases)
  func progress(_ way: Way) async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    _ = try await self.enroll("a", classes)
    try await classes.with(way) { port in
      let before = try await port.cancellationProgress(of: CourseID(1))
      #expect(before == CancellationProgress(isHeard: false, total: 1, remaining: 1))
      try await classes.hear(CourseNews.canceled(2))
      _ = try await classes.cancelClasses()
      let after = try await port.cancellationProgress(of: CourseID(1))
      #expect(after == CancellationProgress(isHeard: true, total: 1, remaining: 0))
    }
  }

  private func progress(_ classes: EnrollmentHarness) async throws -> CancellationProgress {
    try await classes.application.cancellationProgress(of: CourseID(1))
  }

  private func enroll(_ student: String, _ classes: EnrollmentHarness) async throws -> Enrollment {
    try await classes.application.register(
      try EnrollmentHarness.command(student: student), by: self.caller, key: nil)
  }
}
