import AdaptorTestSupport
import EnrollmentCore
import HTTPClientKit
import Kernel
import Storage
import Testing

@Suite("The contract of Enrollment's port: seats")
struct SeatContractTests {
  private let caller = EnrollmentHarness.caller

  @Test("T29: a full course takes nobody in, until somebody leaves", arguments: Way.allCases)
  func full(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 2))
    try await classes.with(way) { port in
      func register(_ student: String) async throws -> Enrollment {
        try await port.register(
          try EnrollmentHarness.command(student: student), by: caller, key: nil)
      }
      let first = try await register("a")
      _ = try await register("b")
      let refused = await problem { try await register("c") }
      #expect(refused?.code == "course-full")
      #expect(refused?.kind == .conflict)
      #expect(classes.gateway.requests.count == 2)
      try await port.cancel(first.id, by: caller)
      try await port.cancel(first.id, by: caller)
      #expect(try await register("c").status == .registered)
      #expect(await problem { try await register("d") }?.code == "course-full")
    }
    #expect(try await classes.seatsAreRight())
    #expect(try await classes.copy()?.seatsTaken == 2)
  }

  @Test("T29: a declined payment gives its seat back; one that is not known keeps it")
  func declined() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    classes.gateway.next(.declined(reason: "over-limit"))
    classes.gateway.next(.unknown(reason: "timeout"))
    classes.gateway.next(.declined(reason: "over-limit"))
    #expect(await self.refusal("a", classes) == "payment-declined")
    #expect(await self.refusal("b", classes) == nil)
    #expect(await self.refusal("c", classes) == "course-full")
    #expect(try await classes.settle() == Settlement(settled: 1, remaining: 0))
    #expect(await self.refusal("c", classes) == nil)
    #expect(try await classes.seatsAreRight())
  }

  @Test("T30: a payment that stays unknown for too long loses its seat, and is told as canceled")
  func timesOut() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    classes.gateway.next(.unknown(reason: "timeout"))
    #expect(await self.refusal("a", classes) == nil)
    classes.harness.clock.advance(seconds: 600)
    #expect(try await classes.timeOut() == Settlement(settled: 0, remaining: 0))
    #expect(await self.refusal("b", classes) == "course-full")
    classes.harness.clock.advance(seconds: 1)
    #expect(try await classes.timeOut() == Settlement(settled: 1, remaining: 0))
    #expect(try await classes.timeOut() == Settlement(settled: 0, remaining: 0))
    #expect(try await classes.harness.eventTypes() == ["ClassCanceled"])
    #expect(try await classes.settle() == Settlement(settled: 0, remaining: 0))
    #expect(await self.refusal("b", classes) == nil)
    #expect(try await classes.seatsAreRight())
  }

  @Test("T30: a payment that is approved while its class times out does not bring it back")
  func approvedTooLate() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    classes.gateway.next { request in
      classes.harness.clock.advance(seconds: 601)
      let settlement = try? await classes.timeOut()
      #expect(settlement == Settlement(settled: 1, remaining: 0))
      return .approved(PaymentID(1))
    }
    #expect(await self.refusal("a", classes) == "class-canceled")
    #expect(try await classes.harness.eventTypes() == ["ClassCanceled"])
    #expect(try await classes.copy()?.seatsTaken == 0)
  }

  @Test("T29: fewer seats take nobody's away; more seats are free at once")
  func capacityChanges() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 3))
    for student in ["a", "b", "c"] { #expect(await self.refusal(student, classes) == nil) }
    try await classes.hear(CourseNews.modified(2, capacity: 1))
    #expect(try await classes.copy()?.seatsTaken == 3)
    for id in [1, 2] as [Int64] {
      try await classes.application.cancel(ClassID(id), by: self.caller)
      #expect(await self.refusal("d", classes) == "course-full")
    }
    try await classes.hear(CourseNews.modified(3, capacity: 2))
    #expect(await self.refusal("d", classes) == nil)
    #expect(await self.refusal("e", classes) == "course-full")
    try await classes.hear(CourseNews.modified(4))
    #expect(await self.refusal("e", classes) == nil)
    #expect(try await classes.seatsAreRight())
  }

  @Test(
    "T17: a student has as many classes of a course as it allows",
    arguments: [(nil, 1), (1, 1), (3, 3), (0, 5)] as [(Int64?, Int)])
  func maxPerStudent(max: Int64?, allowed: Int) async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, maxPerStudent: max))
    var refusals: [String?] = []
    for _ in 0..<5 { refusals.append(await self.refusal("gil-dong", classes)) }
    #expect(refusals.prefix(allowed).allSatisfy { $0 == nil })
    #expect(refusals.dropFirst(allowed).allSatisfy { $0 == "already-enrolled" })
    // A class that ends makes room for one more; one that is given away counts for the other.
    try await classes.application.cancel(ClassID(1), by: self.caller)
    #expect(await self.refusal("gil-dong", classes) == nil)
    #expect(await self.refusal("kim", classes) == nil)
    let given = ClassID(Int64(allowed) + 2)
    let problem = await problem {
      try await classes.application.modify(
        given, ClassChange(student: "gil-dong"), by: self.caller)
    }
    #expect(problem?.code == (max == 0 ? nil : "already-enrolled"))
    #expect(try await classes.seatsAreRight())
  }

  @Test("the seed's siege sends the same body again and again, and each is a class")
  func siege() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, textBook: "eng_book", maxPerStudent: 0))
    try await classes.withREST { http in
      let statuses = await Array(0..<40).concurrentMap(atMost: 8) { _ in
        let answer = try? await http.request(
          "POST", "/classes",
          body: #"""
            {"courseId": 1, "fee": 10000, "student": "gil-dong", "textBook": "eng_book"}
            """#)
        return answer?.status
      }
      #expect(statuses.allSatisfy { $0 == 201 })
    }
    #expect(try await classes.copy()?.seatsTaken == 40)
  }

  @Test("T32: a course closes when its last seat is free")
  func closes() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    #expect(await self.refusal("a", classes) == nil)
    let refused = await problem {
      try await classes.application.close(CourseID(1), by: self.caller)
    }
    #expect(refused?.code == "course-has-enrollments")
    try await classes.application.cancel(ClassID(1), by: self.caller)
    try await classes.application.close(CourseID(1), by: self.caller)
    #expect(await self.refusal("b", classes) == "course-closed")
    #expect(try await classes.seatsAreRight())
  }

  @Test("T29: the database itself refuses to oversell, and to count below nothing")
  func databaseRefuses() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    #expect(await self.refusal("a", classes) == nil)
    for change in ["+ 1", "- 2"] {
      await #expect(throws: StorageError.self) {
        try await classes.harness.database.write {
          try $0.execute("UPDATE offered_course SET seats_taken = seats_taken \(change)")
        }
      }
    }
    #expect(try await classes.seatsAreRight())
  }

  /// The code of what the student was refused with; nil for who is in, or may be.
  private func refusal(_ student: String, _ classes: EnrollmentHarness) async -> String? {
    await problem {
      try await classes.application.register(
        try EnrollmentHarness.command(student: student), by: self.caller, key: nil)
    }?.code
  }
}
