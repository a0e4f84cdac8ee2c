import AdaptorTestSupport
import Contracts
import CourseAdaptors
import CourseCore
import EventLog
import FramedRPC
import Kernel
import Storage
import Testing

@Suite("Course on the events of Pay")
struct CourseEventTests {
  @Test("T9: a paid class gets one textbook, however often its event comes")
  func deliversOnce() async throws {
    let courses = try CourseHarness()
    let event = try PaymentNews.approved(1)
    try await courses.intake.take([event], logID: "log")
    try await courses.intake.take([event, event], logID: "log")
    #expect(try await courses.application.deliveries(of: ClassID(1)).map(\.status) == [.started])
    let events = try await courses.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.type) == ["TextbookDeliveried"])
    #expect(events.first?.causationID == "pay-test-1")
    #expect(events.first?.correlationID == "1")
  }

  @Test("T11: the textbook ends the same in every order of the events, repeats or not")
  func anyOrder() async throws {
    let events = [
      try PaymentNews.approved(1), try PaymentNews.canceled(2),
      try PaymentNews.approved(3, payment: 6, class: 2),
    ]
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let courses = try CourseHarness()
      let adaptor = CourseEventAdaptor(courses.harness.context, source: "pay")
      for place in order + order {
        let event = events[place]
        // Past the inbox, so that the policy itself meets the repeats.
        try await courses.harness.database.write { try adaptor.handle(event, in: $0) }
      }
      let first = try await courses.application.deliveries(of: ClassID(1))
      let second = try await courses.application.deliveries(of: ClassID(2))
      #expect(first.map(\.status) == [.canceled], "\(order)")
      #expect(second.map(\.status) == [.started], "\(order)")
      let types = try await courses.harness.eventTypes()
      #expect(types.count { $0 == "DeliveryCanceled" } == 1, "\(order)")
    }
  }

  @Test("a class without a textbook has no delivery")
  func noBook() async throws {
    let courses = try CourseHarness()
    try await courses.intake.take(
      [PaymentNews.approved(1, textBook: ""), PaymentNews.canceled(2, textBook: "")],
      logID: "log")
    #expect(try await courses.application.deliveries(try PageRequest()).totalElements == 0)
    #expect(try await courses.harness.eventTypes().isEmpty)
  }

  @Test("T14: an event that is no message parks its own class only")
  func parksPoison() async throws {
    let courses = try CourseHarness()
    var poison = try PaymentNews.approved(1)
    poison.data = [0xFF]
    try await courses.intake.take(
      [poison, PaymentNews.canceled(2), PaymentNews.approved(3, payment: 6, class: 2)],
      logID: "log")
    #expect(try await courses.application.deliveries(of: ClassID(1)).isEmpty)
    #expect(try await courses.application.deliveries(of: ClassID(2)).map(\.status) == [.started])
    #expect(try await courses.intake.cursor() == 3)
  }

  @Test("T20: what Course publishes says everything the others need")
  func publishes() async throws {
    let courses = try CourseHarness(deskSays: [.closed])
    let caller = CourseHarness.caller
    let course = try await courses.application.register(
      try CourseHarness.command(), by: caller, key: nil)
    _ = try await courses.application.modify(
      course.id, CourseChange(fee: try Money(won: 12_000)), by: caller)
    try await courses.application.delete(course.id, by: caller)
    try await courses.intake.take(
      [PaymentNews.approved(1, class: 8), PaymentNews.canceled(2, class: 8)], logID: "log")

    let events = try await courses.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.subject) == ["course-1", "course-1", "course-1", "class-8", "class-8"])
    #expect(events.prefix(3).map(\.causationID) == ["request-1", "request-1", "request-1"])
    let registered = try events[0].message(CourseV1.CourseRegistered.self)
    #expect(
      registered
        == CourseV1.CourseRegistered(
          id: 1, name: "korean", teacher: "hong-gil-dong", fee: 10_000, textBook: "kor_book",
          maxPerStudent: 1))
    let modified = try events[1].message(CourseV1.CourseModified.self)
    #expect(
      modified
        == CourseV1.CourseModified(
          id: 1, name: "korean", teacher: "hong-gil-dong", fee: 12_000, textBook: "kor_book",
          maxPerStudent: 1))
    let deleted = try events[2].message(CourseV1.CourseDeleted.self)
    #expect(deleted == CourseV1.CourseDeleted(id: 1, name: "korean", teacher: "hong-gil-dong"))
    let delivered = try events[3].message(CourseV1.TextbookDeliveried.self)
    #expect(
      delivered
        == CourseV1.TextbookDeliveried(
          id: 1, classID: 8, paymentID: 5, courseID: 3, student: "john-doe",
          textBook: "kor_book", status: "DELIVERY_START"))
    let canceled = try events[4].message(CourseV1.DeliveryCanceled.self)
    #expect(
      canceled
        == CourseV1.DeliveryCanceled(
          id: 1, classID: 8, paymentID: 5, courseID: 3, student: "john-doe",
          textBook: "kor_book", status: "DELIVERY_CANCEL"))
  }

  @Test(
    "asks a source for the types it has a policy for, and for no others",
    arguments: CourseEventAdaptor.sources)
  func types(_ source: String) async throws {
    let courses = try CourseHarness()
    let handler = CourseEventAdaptor(courses.harness.context, source: source)
    let handled = try await handler.handledTypes(in: courses.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }

  @Test(
    "T34: the textbook goes to the student whom Enrollment named last, in any order of the events",
    arguments: EventPath.allCases)
  func followsStudent(_ path: EventPath) async throws {
    let history = [
      try PaymentNews.approved(1), try .classModified(2, student: "lee"),
      try PaymentNews.approved(2, payment: 6, class: 2), try .classModified(3, student: "park"),
      try PaymentNews.canceled(3, payment: 6, class: 2, student: "kim"),
      try .classModified(4, class: 2, student: "kim"),
    ]
    for seed in UInt64(1)...8 {
      let courses = try CourseHarness()
      try await courses.tell(history.twiceShuffled(seed: seed), path)
      let first = try await courses.application.deliveries(of: ClassID(1))
      #expect(first.map(\.order.student) == ["park"], "seed \(seed)")
      let second = try await courses.application.deliveries(of: ClassID(2))
      #expect(second.map(\.order.student) == ["kim"], "seed \(seed)")
      #expect(second.map(\.status) == [.canceled], "seed \(seed)")
      // Whoever knew the name before it was said: Course itself, or Pay.
      let events = try await courses.harness.outbox.events(after: 0, limit: 10).events
      let canceled = try #require(events.last { $0.type == "DeliveryCanceled" })
      #expect(
        try canceled.message(CourseV1.DeliveryCanceled.self).student == "kim", "seed \(seed)")
    }
  }

  @Test("T34: a student named before the payment is told gets the textbook")
  func correctedFirst() async throws {
    let courses = try CourseHarness()
    try await courses.tell([.classModified(2, student: "lee"), PaymentNews.approved(1)])
    let events = try await courses.harness.outbox.events(after: 0, limit: 10).events
    let sent = try #require(events.first).message(CourseV1.TextbookDeliveried.self)
    #expect(sent.student == "lee")
  }
}
