import EnrollmentCore
import Kernel
import Testing

@Suite("Enrolling a student")
struct EnrollStudentTests {
  private let fixture = EnrollmentFixture()

  @Test("R12: completes the enrollment when the payment is approved")
  func registers() async throws {
    try await self.fixture.offer()

    let enrollment = try await self.fixture.register(expectedFee: 10_000)

    #expect(enrollment.status == .registered)
    #expect(enrollment.id == ClassID(1))
    #expect(enrollment.terms == (try EnrollmentFixture.terms()))
    #expect(self.fixture.gateway.requests == [PaymentRequest(for: enrollment)])
    #expect(
      self.fixture.store.events == [.classRegistered(ClassRegistered(enrollment: enrollment))])
    #expect(try await self.fixture.enrollment.enrollment(ClassID(1)) == enrollment)
  }

  @Test("T1: the pending class is committed, and no transaction is open, while the money is asked")
  func noTransactionAcrossTheCall() async throws {
    let fixture = self.fixture
    try await fixture.offer()
    fixture.gateway.next { request in
      let stored = try? await fixture.store.enrollment(request.classID)
      return stored?.status == .pending ? .approved(PaymentID(1)) : .declined(reason: "not stored")
    }

    #expect(try await fixture.register().status == .registered)
  }

  @Test("T2: a lost answer leaves the class pending and raises nothing")
  func unknown() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "timeout"))

    let enrollment = try await self.fixture.register()

    #expect(enrollment.status == .pending)
    #expect(self.fixture.store.events.isEmpty)
    #expect(try await self.fixture.enrollment.enrollments(try PageRequest()).items == [enrollment])
  }

  @Test("T5: a declined payment ends the class, with the reason")
  func declined() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.declined(reason: "over-limit"))

    await #expect(throws: EnrollmentError.paymentDeclined(reason: "over-limit")) {
      try await self.fixture.register()
    }
    let failed = try await self.fixture.enrollment.enrollment(ClassID(1))
    #expect(failed.status == .paymentFailed, "who was told to look again sees what became of it")
    #expect(failed.declineReason == "over-limit")
    #expect(self.fixture.store.events.isEmpty)
    #expect(try await self.fixture.register().status == .registered, "may try again")
  }

  @Test("T16: a class canceled while it is paid stays canceled")
  func canceledMeanwhile() async throws {
    let fixture = self.fixture
    try await fixture.offer()
    fixture.gateway.next { request in
      try? await fixture.enrollment.cancel(request.classID, by: fixture.caller)
      return .approved(PaymentID(1))
    }

    await #expect(throws: EnrollmentError.classCanceled(ClassID(1))) {
      try await fixture.register()
    }
    #expect(try await fixture.store.enrollment(ClassID(1))?.status == .canceled)
    #expect(fixture.store.events.count == 1, "ClassCanceled, so that Pay gives the money back")
  }

  @Test("T7: a free course is paid with nothing, so that its book is delivered too")
  func free() async throws {
    try await self.fixture.offer(fee: 0)

    let enrollment = try await self.fixture.register()

    #expect(enrollment.status == .registered)
    #expect(self.fixture.gateway.requests.map(\.fee.won) == [0])
    #expect(self.fixture.store.events.count == 1)
  }

  @Test("T17: a student is in a course once, also while the first payment is not known")
  func once() async throws {
    try await self.fixture.offer()
    self.fixture.gateway.next(.unknown(reason: "timeout"))
    _ = try await self.fixture.register()

    await #expect(throws: EnrollmentError.alreadyEnrolled(CourseID(1), student: "john-doe")) {
      try await self.fixture.register()
    }
    #expect(self.fixture.gateway.requests.count == 1)
  }

  @Test("T17: a Korean name written in parts is the same student")
  func sameName() async throws {
    try await self.fixture.offer()
    let first = try await self.fixture.register("강")

    await #expect(throws: EnrollmentError.alreadyEnrolled(CourseID(1), student: "강")) {
      try await self.fixture.register("\u{1100}\u{1161}\u{11BC}")
    }
    let history = try await self.fixture.enrollment.enrollments(
      ofStudent: "\u{1100}\u{1161}\u{11BC}", try PageRequest())
    #expect(history.items == [first])
  }

  @Test("names the field when the student is missing")
  func noStudent() async throws {
    try await self.fixture.offer()

    let error = await #expect(throws: EnrollmentError.self) {
      try await self.fixture.register("")
    }
    #expect(error?.problem.fields.map(\.field) == ["student"])
  }
}
