import EnrollmentCore
import Kernel
import Testing

@Suite("The terms of an enrollment")
struct EnrollmentTermsTests {
  private let fixture = EnrollmentFixture()

  @Test("T21, W23: another fee than the course's is refused, also while Course is down")
  func feeMismatch() async throws {
    try await self.fixture.offer()

    let error = await #expect(throws: EnrollmentError.self) {
      try await self.fixture.register(expectedFee: 12_000)
    }

    #expect(error?.problem.code == "fee-mismatch")
    #expect(error?.problem.detail == "course 1 costs 10000, the request said 12000")
    #expect(self.fixture.gateway.requests.isEmpty)
    #expect(try await self.fixture.store.enrollment(ClassID(1)) == nil)
  }

  @Test("a student who knows a newer fee than the copy is taken in at that fee")
  func staleCopy() async throws {
    try await self.fixture.offer(fee: 10_000)
    self.fixture.catalog.next(.offer(CourseOffer(try EnrollmentFixture.terms(fee: 12_000))))

    let enrollment = try await self.fixture.register(expectedFee: 12_000)

    #expect(enrollment.terms.fee.won == 12_000)
    #expect(self.fixture.catalog.questionsAsked == 1)
  }

  @Test("the copy is enough as long as the fee is as expected (R20)")
  func copyIsEnough() async throws {
    try await self.fixture.offer()

    _ = try await self.fixture.register(expectedFee: 10_000)

    #expect(self.fixture.catalog.questionsAsked == 0)
  }

  @Test("a course not heard of yet is looked up, once")
  func lookedUp() async throws {
    self.fixture.catalog.next(.offer(CourseOffer(try EnrollmentFixture.terms())))

    _ = try await self.fixture.register("john-doe", expectedFee: 10_000)
    _ = try await self.fixture.register("simon")

    #expect(self.fixture.catalog.questionsAsked == 1)
  }

  @Test("T31: a course that does not exist is not found")
  func missing() async throws {
    self.fixture.catalog.next(.noSuchCourse)

    await #expect(throws: EnrollmentError.courseNotFound(CourseID(1))) {
      try await self.fixture.register()
    }
  }

  @Test("when nothing is known of a course and Course is down, the student may try again")
  func unknownCourse() async throws {
    let error = await #expect(throws: EnrollmentError.self) {
      try await self.fixture.register()
    }

    #expect(error?.problem.code == "dependency-unavailable")
    #expect(error?.problem.retryAfterSeconds != nil)
  }

  @Test("T31: a closed course refuses, a deleted one is not found")
  func closed() async throws {
    try await self.fixture.offer()
    try await self.fixture.enrollment.close(CourseID(1), by: self.fixture.caller)
    await #expect(throws: EnrollmentError.courseClosed(CourseID(1))) {
      try await self.fixture.register()
    }

    try await self.fixture.withdraw()
    await #expect(throws: EnrollmentError.courseNotFound(CourseID(1))) {
      try await self.fixture.register()
    }
  }

  @Test("T33: the accepted terms stay when the course changes")
  func termsStay() async throws {
    try await self.fixture.offer(fee: 10_000, version: 1)
    let enrollment = try await self.fixture.register()
    try await self.fixture.offer(fee: 99_000, version: 2)

    #expect(try await self.fixture.enrollment.enrollment(enrollment.id).terms.fee.won == 10_000)
  }

  @Test("T32: a course does not close while somebody is enrolled, pending or registered")
  func closing() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "timeout"))
    let enrollment = try await self.fixture.register()

    await #expect(throws: EnrollmentError.courseHasEnrollments(CourseID(1))) {
      try await self.fixture.enrollment.close(CourseID(1), by: self.fixture.caller)
    }

    try await self.fixture.enrollment.cancel(enrollment.id, by: self.fixture.caller)
    try await self.fixture.enrollment.close(CourseID(1), by: self.fixture.caller)
    try await self.fixture.enrollment.close(CourseID(1), by: self.fixture.caller)
    #expect(self.fixture.store.courses[CourseID(1)]?.state == .closed)
  }

  @Test("a course never heard of can be closed, and news of it does not open it")
  func closedFirst() async throws {
    try await self.fixture.enrollment.close(CourseID(1), by: self.fixture.caller)
    try await self.fixture.offer()

    await #expect(throws: EnrollmentError.courseClosed(CourseID(1))) {
      try await self.fixture.register()
    }
  }
}
