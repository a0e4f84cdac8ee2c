import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import EventLog
import FramedRPC
import Kernel
import Testing

@Suite("Enrollment for whoever compares the books")
struct EnrollmentAuditTests {
  private let caller = EnrollmentHarness.caller

  @Test("every class is streamed by id, whatever its status, in as many messages as it takes")
  func streams() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    let count = EnrollmentAuditRPCAdaptor.pageSize + 3
    for number in 1...count { try await self.enroll("student-\(number)", classes) }
    try await classes.application.cancel(ClassID(2), by: self.caller)
    try await self.with(classes) { client in
      var seen: [Int64] = []
      for try await page in try await client.auditEnrollments(.init()) {
        seen += page.enrollments.map(\.id)
      }
      #expect(seen == Array(1...Int64(count)))
      var some: [EnrollmentV1.Enrollment] = []
      for try await page in try await client.auditEnrollments(.init(afterID: 1, throughID: 3)) {
        some += page.enrollments
      }
      #expect(some.map(\.status) == ["CANCELED", "REGISTERED"])
      #expect(try await client.auditEnrollments(.init(afterID: 999)).next() == nil)
    }
  }

  @Test("a pending class is settled by name; one that is in and not paid for is paid, or out")
  func settles() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    classes.gateway.next(.unknown(reason: "timeout"))
    try await self.enroll("a", classes)
    try await self.enroll("b", classes)
    try await self.with(classes) { client in
      func settle(_ id: Int64) async throws -> String? {
        try await client.settleEnrollment(.init(id: id)).enrollment?.status
      }
      classes.gateway.next(.unknown(reason: "timeout"))
      let first = [try await settle(1), try await settle(1)]
      #expect(first == ["PENDING", "REGISTERED"])
      // Nothing changes for who is in and paid for, and Pay is asked by the same key.
      let paid = try await settle(2)
      #expect(paid == "REGISTERED")
      classes.gateway.next(.declined(reason: "class-canceled"))
      let declined = try await settle(2)
      #expect(declined == "CANCELED")
      let asked = classes.gateway.requests.count
      let again = try await settle(2)
      #expect(again == "CANCELED")
      #expect(classes.gateway.requests.count == asked)
      await #expect(throws: RPCError.self) { try await settle(3) }
    }
    #expect(
      try await classes.harness.eventTypes()
        == ["ClassRegistered", "ClassRegistered", "ClassCanceled"])
    #expect(try await classes.seatsAreRight())
  }

  @Test("what a class is, is told again; nothing of one that nobody was told of")
  func repeats() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await self.enroll("a", classes)
    try await self.enroll("b", classes)
    try await classes.application.cancel(ClassID(2), by: self.caller)
    classes.gateway.next(.unknown(reason: "timeout"))
    try await self.enroll("c", classes)
    try await self.with(classes) { client in
      var told: [String] = []
      for id in 1...3 {
        told.append(try await client.repeatEnrollment(.init(id: Int64(id))).eventType)
      }
      #expect(told == ["ClassRegistered", "ClassCanceled", ""])
    }
    let events = try await classes.harness.outbox.events(after: 3, limit: 10).events
    #expect(events.map(\.subject) == ["class-1", "class-2"])
  }

  private func enroll(_ student: String, _ classes: EnrollmentHarness) async throws {
    _ = try await classes.application.register(
      try EnrollmentHarness.command(student: student), by: self.caller, key: nil)
  }

  private func with(
    _ classes: EnrollmentHarness,
    _ body: (EnrollmentV1.EnrollmentAuditServiceClient) async throws -> Void
  ) async throws {
    let port = AuditEnrollments(store: classes.store, gateway: classes.gateway)
    let service = EnrollmentV1.EnrollmentAuditService.register(
      EnrollmentAuditRPCAdaptor(port: port))
    try await classes.harness.withRPC([service]) {
      try await body(EnrollmentV1.EnrollmentAuditServiceClient($0))
    }
  }
}
