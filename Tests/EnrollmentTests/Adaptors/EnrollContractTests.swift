import AdaptorTestSupport
import EnrollmentCore
import Kernel
import Testing

@Suite("The contract of Enrollment's port: taking students in")
struct EnrollContractTests {
  private let caller = EnrollmentHarness.caller

  @Test(
    "T21: a paid class has the course's terms, and is found by id, in the list and in the history",
    arguments: Way.allCases)
  func registers(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let enrollment = try await port.register(command, by: caller, key: nil)
      #expect(enrollment.status == .registered)
      #expect(enrollment.terms.fee.won == 10_000)
      #expect(enrollment.terms.textBook == "kor_book")
      #expect(enrollment.acceptedAt == classes.harness.clock.now())
      #expect(try await port.enrollment(enrollment.id) == enrollment)
      let list = try await port.enrollments(try PageRequest())
      #expect(list.items == [enrollment])
      #expect(list.totalElements == 1)
      let history = try await port.enrollments(ofStudent: "john-doe", try PageRequest())
      #expect(history.items == [enrollment])
      #expect(classes.gateway.requests == [PaymentRequest(for: enrollment)])
    }
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered"])
  }

  @Test(
    "T21: a fee is an expectation: another one than the course's is refused",
    arguments: Way.allCases)
  func expectsFee(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await classes.with(way) { port in
      let wrong = try EnrollmentHarness.command(fee: 12_000)
      let refused = await problem { try await port.register(wrong, by: caller, key: nil) }
      #expect(refused?.code == "fee-mismatch")
      #expect(refused?.detail == "course 1 costs 10000, the request said 12000")
      #expect(classes.gateway.requests.isEmpty)
      let right = try EnrollmentHarness.command(fee: 10_000)
      #expect(try await port.register(right, by: caller, key: nil).status == .registered)
    }
  }

  @Test(
    "T31: nobody enrolls in a course that is missing, deleted, closed or unknown",
    arguments: Way.allCases)
  func needsCourse(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(
      CourseNews.registered(1, course: 1), CourseNews.registered(2, course: 2),
      CourseNews.deleted(3, course: 1))
    try await classes.application.close(CourseID(2), by: caller)
    classes.catalog.next(.noSuchCourse)
    try await classes.with(way) { port in
      func refused(_ course: Int64) async throws -> Problem? {
        let command = try EnrollmentHarness.command(course: course)
        return await problem { try await port.register(command, by: caller, key: nil) }
      }
      let deleted = try await refused(1)
      #expect(deleted?.code == "not-found")
      #expect(deleted?.detail == "there is no course 1")
      #expect(try await refused(2)?.code == "course-closed")
      #expect(try await refused(3)?.code == "not-found")
      #expect(try await refused(4)?.kind == .unavailable)
    }
    #expect(try await classes.harness.eventTypes().isEmpty)
  }

  @Test("T17: a student is in a course once, and again after leaving", arguments: Way.allCases)
  func onlyOnce(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let first = try await port.register(command, by: caller, key: nil)
      let refused = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(refused?.code == "already-enrolled")
      #expect(classes.gateway.requests.count == 1)
      try await port.cancel(first.id, by: caller)
      let second = try await port.register(command, by: caller, key: nil)
      #expect(second.id > first.id)
    }
  }

  @Test("T17: of many clicks at once one enrolls, and pays once")
  func manyClicks() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    let application = classes.application
    let command = try EnrollmentHarness.command()
    let codes = await Array(0..<20).concurrentMap(atMost: 20) { _ in
      await problem {
        try await application.register(command, by: EnrollmentHarness.caller, key: nil)
      }?.code
    }
    #expect(codes.count { $0 == nil } == 1)
    #expect(codes.count { $0 == "already-enrolled" } == 19)
    #expect(classes.gateway.requests.count == 1)
  }

  @Test("T5: a declined payment is an answer with a reason", arguments: Way.allCases)
  func declined(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    classes.gateway.next(.declined(reason: "over-limit"))
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let refused = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(refused?.code == "payment-declined")
      #expect(refused?.kind == .declined)
      #expect(refused?.detail == "Pay declined the payment: over-limit")
      #expect(try await port.enrollments(try PageRequest()).totalElements == 0)
      let history = try await port.enrollments(ofStudent: "john-doe", try PageRequest())
      #expect(history.items.map(\.status) == [.paymentFailed])
      #expect(history.items.map(\.declineReason) == ["over-limit"])
      #expect(try await port.enrollment(ClassID(1)) == history.items.first)
      try await port.cancel(ClassID(1), by: caller)
      #expect(await problem { try await port.enrollment(ClassID(1)) }?.kind == .notFound)
    }
    #expect(try await classes.harness.eventTypes().isEmpty)
  }

  @Test(
    "T2: a payment without an answer leaves the class pending until it is settled",
    arguments: Way.allCases)
  func pending(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    classes.gateway.next(.unknown(reason: "timeout"))
    classes.gateway.next(.unknown(reason: "timeout"))
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let enrollment = try await port.register(command, by: caller, key: nil)
      #expect(enrollment.status == .pending)
      #expect(try await port.enrollment(enrollment.id) == enrollment)
      #expect(try await port.enrollments(try PageRequest()).items == [enrollment])
      let refused = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(refused?.code == "already-enrolled")
      #expect(try await classes.harness.eventTypes().isEmpty)

      #expect(try await classes.settle() == Settlement(settled: 0, remaining: 1))
      #expect(try await classes.settle() == Settlement(settled: 1, remaining: 0))
      #expect(try await classes.settle() == Settlement(settled: 0, remaining: 0))
      #expect(try await port.enrollment(enrollment.id).status == .registered)
    }
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered"])
    #expect(Set(classes.gateway.requests).count == 1)
  }

  @Test("T7: a free course is paid with nothing", arguments: Way.allCases)
  func free(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, fee: 0, textBook: ""))
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command(fee: 0)
      let enrollment = try await port.register(command, by: caller, key: nil)
      #expect(enrollment.status == .registered)
      #expect(enrollment.terms.fee.isFree)
      #expect(enrollment.terms.textBook.isEmpty)
    }
    #expect(classes.gateway.requests.map(\.fee.won) == [0])
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered"])
  }

  @Test("T16: a class canceled while it is paid is not registered", arguments: Way.allCases)
  func canceledMeanwhile(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    let application = classes.application
    classes.gateway.next { request in
      try? await application.cancel(request.classID, by: caller)
      return .approved(PaymentID(1))
    }
    try await classes.with(way) { port in
      let command = try EnrollmentHarness.command()
      let refused = await problem { try await port.register(command, by: caller, key: nil) }
      #expect(refused?.code == "class-canceled")
    }
    #expect(try await classes.harness.eventTypes() == ["ClassCanceled"])
  }

  @Test("T17: a repeat with the same key gets the first answer", arguments: Way.allCases)
  func repeats(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1), CourseNews.registered(2, course: 2))
    try await classes.with(way) { port in
      let key = try IdempotencyKey("k-1")
      let command = try EnrollmentHarness.command()
      let first = try await port.register(command, by: caller, key: key)
      try await port.cancel(first.id, by: caller)
      #expect(try await port.register(command, by: caller, key: key) == first)
      let other = try EnrollmentHarness.command(course: 2)
      let refused = await problem { try await port.register(other, by: caller, key: key) }
      #expect(refused?.code == "idempotency-key-reused")
      let book = RegisterClass(
        courseID: CourseID(1), student: "john-doe", saidTextBook: "other_book")
      #expect(
        await problem { try await port.register(book, by: caller, key: key) }?.code
          == "idempotency-key-reused")

      classes.gateway.next(.declined(reason: "over-limit"))
      let second = try IdempotencyKey("k-2")
      let declined = await problem { try await port.register(other, by: caller, key: second) }
      #expect(declined?.code == "payment-declined")
      #expect(
        await problem { try await port.register(other, by: caller, key: second) } == declined)
    }
    #expect(classes.gateway.requests.count == 2)
  }

  @Test("a student without a name is refused", arguments: Way.allCases)
  func needsStudent(_ way: Way) async throws {
    let caller = self.caller
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await classes.with(way) { port in
      for student in ["", " ", String(repeating: "s", count: 101)] {
        let command = try EnrollmentHarness.command(student: student)
        let refused = await problem { try await port.register(command, by: caller, key: nil) }
        #expect(refused?.fields.map(\.field) == ["student"])
      }
    }
  }
}
