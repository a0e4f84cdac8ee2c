import AdaptorTestSupport
import Contracts
import EnrollmentCore
import EventLog
import FramedRPC
import Kernel
import Testing

@Suite("The contract of the lines for full courses")
struct WaitlistContractTests {
  private let caller = EnrollmentHarness.caller

  @Test("a student waits, moves up, is offered the seat, and takes it", arguments: Way.allCases)
  func takes(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await Self.full()
    try await classes.withLine(way) { line in
      func join(_ student: String) async throws -> WaitlistPlace {
        try await line.join(Self.command(student), by: caller, key: nil)
      }
      let first = try await join("b")
      #expect(first.entry.state == .waiting)
      #expect(first.position == 1)
      #expect(first.entry.joinedAt == classes.harness.clock.now())
      #expect(try await line.place(first.entry.id) == first)
      let second = try await join("c")
      #expect(second.position == 2)
      #expect(try await line.places(try PageRequest()).items == [first, second])
      #expect(try await line.places(ofCourse: CourseID(1), try PageRequest()).items.count == 2)
      #expect(try await line.places(ofStudent: "c", try PageRequest()).items == [second])

      try await classes.application.cancel(ClassID(1), by: caller)
      let offered = try await line.place(first.entry.id)
      #expect(offered.entry.state == .offered)
      #expect(offered.position == nil)
      #expect(offered.entry.offerExpiresAt == classes.harness.clock.now().adding(seconds: 900))
      #expect(try await line.place(second.entry.id).position == 1)

      #expect(await Self.refusal("c", classes) == "course-full")
      #expect(await Self.refusal("x", classes) == "course-full")
      #expect(await Self.refusal("b", classes) == nil)
      let taken = try await line.place(first.entry.id)
      #expect(taken.entry.state == .taken)
      #expect(taken.entry.classID == ClassID(2))
      #expect(try await line.places(try PageRequest()).items.map(\.entry.student) == ["c"])
      let history = try await line.places(ofStudent: "b", try PageRequest())
      #expect(history.items == [taken])
    }
    #expect(try await classes.seatsAreRight())
    #expect(
      try await classes.harness.eventTypes()
        == ["ClassRegistered", "ClassCanceled", "SeatOffered", "ClassRegistered"])
  }

  @Test("who need not or cannot wait is told before", arguments: Way.allCases)
  func refuses(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await Self.full()
    try await classes.hear(
      CourseNews.registered(2, course: 2, capacity: 1), CourseNews.registered(3, course: 3),
      CourseNews.registered(4, course: 4, capacity: 1), CourseNews.deleted(5, course: 4))
    try await classes.application.close(CourseID(2), by: caller)
    classes.catalog.next(.noSuchCourse)
    try await classes.withLine(way) { line in
      func refusal(_ student: String, course: Int64 = 1) async -> Problem? {
        await problem {
          try await line.join(Self.command(student, course: course), by: caller, key: nil)
        }
      }
      #expect(await refusal("a")?.code == "already-enrolled")
      #expect(await refusal("b", course: 2)?.code == "course-closed")
      #expect(await refusal("b", course: 3)?.code == "course-has-seats")
      #expect(await refusal("b", course: 4)?.kind == .notFound)
      #expect(await refusal("b", course: 5)?.kind == .notFound)
      #expect(await refusal("b", course: 6)?.kind == .unavailable)
      #expect(await refusal(" ")?.fields.map(\.field) == ["student"])
      #expect(await refusal("b") == nil)
      #expect(await refusal("b")?.code == "already-waiting")
      try await classes.application.cancel(ClassID(1), by: caller)
      #expect(await refusal("b")?.code == "already-waiting")
      #expect(await problem { try await line.place(WaitlistID(9)) }?.kind == .notFound)
      #expect(
        await problem { try await line.leave(WaitlistID(9), by: caller) }?.kind == .notFound)
    }
    #expect(try await classes.seatsAreRight())
  }

  @Test("who leaves is out of the line; a seat that was kept goes on", arguments: Way.allCases)
  func leaves(_ way: Way) async throws {
    let caller = self.caller
    let classes = try await Self.full()
    try await classes.withLine(way) { line in
      var ids: [WaitlistID] = []
      for student in ["b", "c", "d"] {
        ids.append(try await line.join(Self.command(student), by: caller, key: nil).entry.id)
      }
      try await line.leave(ids[1], by: caller)
      try await line.leave(ids[1], by: caller)
      #expect(await problem { try await line.place(ids[1]) }?.kind == .notFound)
      #expect(try await line.place(ids[2]).position == 2)
      try await classes.application.cancel(ClassID(1), by: caller)
      try await line.leave(ids[0], by: caller)
      #expect(try await line.place(ids[2]).entry.state == .offered)
      let again = try await line.join(Self.command("c"), by: caller, key: nil)
      #expect(again.entry.id > ids[2])
      #expect(again.position == 1)
    }
    #expect(try await classes.seatsAreRight())
    let types = try await classes.harness.eventTypes()
    #expect(types == ["ClassRegistered", "ClassCanceled", "SeatOffered", "SeatOffered"])
  }

  @Test("an offer that is not taken in time goes to the next in line")
  func expires() async throws {
    let classes = try await Self.full()
    let line = classes.waitlist
    let first = try await line.join(Self.command("b"), by: self.caller, key: nil)
    let second = try await line.join(Self.command("c"), by: self.caller, key: nil)
    try await classes.application.cancel(ClassID(1), by: self.caller)
    classes.harness.clock.advance(seconds: 899)
    #expect(try await classes.expireOffers() == Settlement(settled: 0, remaining: 0))
    classes.harness.clock.advance(seconds: 1)
    // Too late, also before the loop has come by.
    #expect(await Self.refusal("b", classes) == "course-full")
    #expect(try await classes.expireOffers() == Settlement(settled: 1, remaining: 0))
    #expect(try await line.place(first.entry.id).entry.state == .expired)
    #expect(try await line.place(second.entry.id).entry.state == .offered)
    #expect(await Self.refusal("c", classes) == nil)
    #expect(try await classes.seatsAreRight())

    let events = try await classes.harness.outbox.events(after: 0, limit: 20).events
    #expect(
      events.map(\.type) == [
        "ClassRegistered", "ClassCanceled", "SeatOffered", "SeatOfferExpired", "SeatOffered",
        "ClassRegistered",
      ])
    #expect(events[2].subject == "course-1")
    let offered = try events[2].message(EnrollmentV1.SeatOffered.self)
    #expect(
      offered
        == EnrollmentV1.SeatOffered(
          id: 1, courseID: 1, student: "b", expiresAt: "2026-03-02T00:15:00.000000Z"))
    let expired = try events[3].message(EnrollmentV1.SeatOfferExpired.self)
    #expect(expired == EnrollmentV1.SeatOfferExpired(id: 1, courseID: 1, student: "b"))
  }

  @Test("who is too late and the last in line may have the seat that is free again")
  func lateButAlone() async throws {
    let classes = try await Self.full()
    let place = try await classes.waitlist.join(Self.command("b"), by: self.caller, key: nil)
    try await classes.application.cancel(ClassID(1), by: self.caller)
    classes.harness.clock.advance(seconds: 900)
    #expect(await Self.refusal("b", classes) == nil)
    #expect(try await classes.waitlist.place(place.entry.id).entry.state == .expired)
    #expect(try await classes.seatsAreRight())
  }

  @Test("more seats are offered to as many as wait, in their order; the rest is free")
  func capacityRaised() async throws {
    let classes = try await Self.full()
    for student in ["b", "c", "d"] {
      _ = try await classes.waitlist.join(Self.command(student), by: self.caller, key: nil)
    }
    try await classes.hear(CourseNews.modified(2, capacity: 3))
    let states = try await classes.waitlist.places(try PageRequest()).items.map(\.entry.state)
    #expect(states == [.offered, .offered, .waiting])
    #expect(await Self.refusal("x", classes) == "course-full")
    try await classes.hear(CourseNews.modified(3))
    #expect(try await classes.copy()?.waiting == 0)
    #expect(await Self.refusal("x", classes) == nil)
    #expect(await Self.refusal("d", classes) == nil)
    #expect(try await classes.seatsAreRight())
    #expect(try await classes.copy()?.seatsTaken == 5)
  }

  @Test("a line ends with its course")
  func closes() async throws {
    let classes = try await Self.full()
    let line = classes.waitlist
    let first = try await line.join(Self.command("b"), by: self.caller, key: nil)
    let second = try await line.join(Self.command("c"), by: self.caller, key: nil)
    try await classes.application.cancel(ClassID(1), by: self.caller)
    try await classes.application.close(CourseID(1), by: self.caller)
    #expect(try await line.place(first.entry.id).entry.state == .closed)
    #expect(try await line.place(second.entry.id).entry.state == .closed)
    #expect(try await classes.copy()?.waiting == 0)
    #expect(try await classes.seatsAreRight())
    #expect(
      try await classes.harness.eventTypes()
        == ["ClassRegistered", "ClassCanceled", "SeatOffered", "SeatOfferExpired"])
  }

  @Test("a student who is given a class waits no longer for another")
  func givenClass() async throws {
    let classes = try await Self.full()
    let place = try await classes.waitlist.join(Self.command("b"), by: self.caller, key: nil)
    _ = try await classes.application.modify(
      ClassID(1), ClassChange(student: "b"), by: self.caller)
    let left = await problem { try await classes.waitlist.place(place.entry.id) }
    #expect(left?.kind == .notFound)
    #expect(try await classes.seatsAreRight())
  }

  @Test("T21: an offered seat costs what the course costs when it is taken")
  func price() async throws {
    let classes = try await Self.full()
    _ = try await classes.waitlist.join(Self.command("b"), by: self.caller, key: nil)
    try await classes.hear(CourseNews.modified(2, fee: 12_000, capacity: 1))
    try await classes.application.cancel(ClassID(1), by: self.caller)
    classes.catalog.next(.unknown(reason: "down"))
    #expect(await Self.refusal("b", classes, fee: 10_000) == "fee-mismatch")
    #expect(await Self.refusal("b", classes, fee: 12_000) == nil)
    #expect(try await classes.seatsAreRight())
  }

  @Test("T17: a repeat with the same key gets the same place, or the same no")
  func repeats() async throws {
    let classes = try await Self.full()
    let line = classes.waitlist
    let key = try IdempotencyKey("k-1")
    let place = try await line.join(Self.command("b"), by: self.caller, key: key)
    try await classes.application.cancel(ClassID(1), by: self.caller)
    #expect(try await line.join(Self.command("b"), by: self.caller, key: key) == place)
    let other = await problem { try await line.join(Self.command("c"), by: self.caller, key: key) }
    #expect(other?.code == "idempotency-key-reused")
    let second = try IdempotencyKey("k-2")
    let refused = await problem {
      try await line.join(Self.command("b"), by: self.caller, key: second)
    }
    #expect(refused?.code == "already-waiting")
    try await line.leave(place.entry.id, by: self.caller)
    #expect(
      await problem { try await line.join(Self.command("b"), by: self.caller, key: second) }
        == refused)
  }

  /// Course 1 has one seat, and student a has it.
  private static func full() async throws -> EnrollmentHarness {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    _ = try await classes.application.register(
      try EnrollmentHarness.command(student: "a"), by: EnrollmentHarness.caller, key: nil)
    return classes
  }

  private static func command(_ student: String, course: Int64 = 1) -> JoinWaitlist {
    JoinWaitlist(courseID: CourseID(course), student: student)
  }

  private static func refusal(
    _ student: String, _ classes: EnrollmentHarness, fee: Int64? = nil
  ) async -> String? {
    await problem {
      try await classes.application.register(
        try EnrollmentHarness.command(student: student, fee: fee),
        by: EnrollmentHarness.caller, key: nil)
    }?.code
  }
}
