import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import FramedRPC
import Kernel
import Storage
import Testing

@Suite("Enrollment on the events of Course")
struct EnrollmentEventTests {
  @Test("R20, X3: the own copy follows the course, so that Course need not be asked")
  func follows() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1), CourseNews.modified(2, fee: 12_000))
    let copy = try await classes.copy()
    #expect(copy?.terms == CourseTerms(fee: try Money(won: 12_000), textBook: "new_book"))
    #expect(copy?.version == 2)
    _ = try await classes.application.register(
      try EnrollmentHarness.command(fee: 12_000), by: EnrollmentHarness.caller, key: nil)
    #expect(classes.catalog.questionsAsked == 0)
  }

  @Test("T9, T11: the copy ends the same in every order of the events, repeats or not")
  func anyOrder() async throws {
    let events = [
      try CourseNews.registered(1), try CourseNews.modified(2, fee: 12_000),
      try CourseNews.modified(3, fee: 15_000),
    ]
    let terms = CourseTerms(fee: try Money(won: 15_000), textBook: "new_book")
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let classes = try EnrollmentHarness()
      try await self.replay(order.map { events[$0] }, in: classes)
      let expected = OfferedCourse(id: CourseID(1), offer: CourseOffer(terms), version: 3)
      #expect(try await classes.copy() == expected, "\(order)")
    }
  }

  @Test("T31: a deleted course stays deleted, whatever comes late")
  func staysDeleted() async throws {
    for news in [
      [try CourseNews.registered(1), try CourseNews.deleted(2)],
      [try CourseNews.deleted(2), try CourseNews.registered(1)],
    ] {
      let classes = try EnrollmentHarness()
      try await self.replay(news, in: classes)
      #expect(try await classes.copy()?.state == .deleted)
    }
  }

  @Test("T14: an event with a fee that is none parks its own course only")
  func parksPoison() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(
      CourseNews.registered(1, fee: -1), CourseNews.modified(2, fee: 1),
      CourseNews.registered(3, course: 2))
    #expect(try await classes.copy(of: 1) == nil)
    #expect(try await classes.copy(of: 2)?.terms?.fee.won == 10_000)
    #expect(try await classes.intake.cursor() == 3)
  }

  @Test("T20: what Enrollment publishes says everything the others need")
  func publishes() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    let caller = EnrollmentHarness.caller
    let id = try await classes.application.register(
      try EnrollmentHarness.command(), by: caller, key: nil
    ).id
    _ = try await classes.application.modify(id, ClassChange(student: "kim"), by: caller)
    try await classes.application.cancel(id, by: caller)

    let events = try await classes.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.subject) == ["class-1", "class-1", "class-1"])
    #expect(events.map(\.causationID) == ["request-1", "request-1", "request-1"])
    let registered = try events[0].message(EnrollmentV1.ClassRegistered.self)
    #expect(
      registered
        == EnrollmentV1.ClassRegistered(
          id: 1, courseID: 1, fee: 10_000, student: "john-doe", textBook: "kor_book"))
    let modified = try events[1].message(EnrollmentV1.ClassModified.self)
    #expect(
      modified == EnrollmentV1.ClassModified(id: 1, courseID: 1, fee: 10_000, student: "kim"))
    let canceled = try events[2].message(EnrollmentV1.ClassCanceled.self)
    #expect(
      canceled
        == EnrollmentV1.ClassCanceled(
          id: 1, courseID: 1, fee: 10_000, student: "kim", textBook: "kor_book"))
  }

  /// Twice and past the inbox, so that the policy itself meets the repeats.
  private func replay(_ events: [EventsV1.Event], in classes: EnrollmentHarness) async throws {
    let adaptor = EnrollmentEventAdaptor(classes.harness.context)
    for event in events + events {
      try await classes.harness.database.write { try adaptor.handle(event, in: $0) }
    }
  }

  @Test("asks for the types it has a policy for, and for no others")
  func types() async throws {
    let classes = try EnrollmentHarness()
    let handler = EnrollmentEventAdaptor(classes.harness.context)
    let handled = try await handler.handledTypes(in: classes.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }
}
