import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import Kernel
import Testing

@Suite("Enrollment on the events of Pay")
struct RefundEventTests {
  @Test("a class whose money was given back is canceled once", arguments: EventPath.allCases)
  func canceled(_ delivery: EventPath) async throws {
    let classes = try EnrollmentHarness()
    let id = try await Self.enroll(in: classes)

    for _ in 0..<2 { try await Self.refund(class: id.value, in: classes, delivery) }

    #expect(try await classes.store.enrollment(id)?.status == .canceled)
    #expect(try await classes.harness.eventTypes() == ["ClassRegistered", "ClassCanceled"])
  }

  @Test("one that is canceled already, one that failed and one that is not known stay as they are")
  func settled() async throws {
    let classes = try EnrollmentHarness()
    let canceled = try await Self.enroll(in: classes)
    try await classes.application.cancel(canceled, by: EnrollmentHarness.caller)
    classes.gateway.next(.declined(reason: "over-limit"))
    await #expect(throws: EnrollmentError.self) { _ = try await Self.enroll(in: classes) }
    let events = try await classes.harness.eventTypes()

    for id: Int64 in 1...3 { try await Self.refund(class: id, in: classes, .pastInbox) }

    #expect(try await classes.store.enrollment(ClassID(2))?.status == .paymentFailed)
    #expect(try await classes.harness.eventTypes() == events)
  }

  @Test("asks for the types it has a policy for, and for no others")
  func types() async throws {
    let classes = try EnrollmentHarness()
    let handler = RefundEventAdaptor(classes.harness.context)
    #expect(try await handler.handledTypes(in: classes.harness) == handler.types)
  }

  private static func enroll(in classes: EnrollmentHarness) async throws -> ClassID {
    try await classes.hear(CourseNews.registered(1))
    return try await classes.application.register(
      try EnrollmentHarness.command(), by: EnrollmentHarness.caller, key: nil
    ).id
  }

  private static func refund(
    class id: Int64, in classes: EnrollmentHarness, _ delivery: EventPath
  ) async throws {
    let message = PayV1.PaymentCanceled(
      id: id, classID: id, courseID: 1, fee: 10_000, student: "john-doe", status: "CANCEL",
      textBook: "kor_book")
    try await classes.harness.tell(
      [try .told("pay", id, about: id, message)],
      to: [RefundEventAdaptor(classes.harness.context)], delivery)
  }
}
