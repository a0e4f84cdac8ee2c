import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import PayAdaptors
import PayCore
import Testing

@Suite("Pay on the events of Enrollment")
struct PayEventTests {
  private static func canceled(_ sequence: Int64, class id: Int64) throws -> EventsV1.Event {
    EventsV1.Event(
      id: "class-test-\(sequence)", type: "ClassCanceled", version: 1, source: "class",
      subject: "\(id)", sequence: sequence,
      data: try EnrollmentV1.ClassCanceled(id: id, courseID: 7, fee: 10_000, student: "john-doe")
        .encodedBytes())
  }

  @Test("T9: a canceled class is refunded once, however often its event comes")
  func refundsOnce() async throws {
    let pay = try PayHarness()
    _ = try await pay.application.approve(
      try PayHarness.command(), because: Cause(id: "request-1"))
    let intake = EventIntake(
      handler: PayEventAdaptor(pay.harness.context), database: pay.harness.database,
      logger: ContextHarness.quiet)
    let event = try Self.canceled(1, class: 1)
    try await intake.take([event], logID: "log")
    try await intake.take([event, event], logID: "log")
    #expect(try await pay.application.payments(of: ClassID(1)).map(\.status) == [.canceled])
    let events = try await pay.harness.outbox.events(after: 0, limit: 10).events
    #expect(events.map(\.type) == ["PaymentApproved", "PaymentCanceled"])
    #expect(events.last?.causationID == "class-test-1")
    #expect(events.last?.correlationID == "1")
  }

  @Test("T14: an event that is no message parks its own class only")
  func parksPoison() async throws {
    let pay = try PayHarness()
    for number in 1...2 {
      _ = try await pay.application.approve(
        try PayHarness.command(class: Int64(number)), because: Cause(id: "request-1"))
    }
    let intake = EventIntake(
      handler: PayEventAdaptor(pay.harness.context), database: pay.harness.database,
      logger: ContextHarness.quiet)
    var poison = try Self.canceled(1, class: 1)
    poison.data = [0xFF]
    let second = try Self.canceled(2, class: 1)
    let other = try Self.canceled(3, class: 2)
    try await intake.take([poison, second, other], logID: "log")
    #expect(try await pay.application.payments(of: ClassID(1)).map(\.status) == [.completed])
    #expect(try await pay.application.payments(of: ClassID(2)).map(\.status) == [.canceled])
    #expect(try await intake.cursor() == 3)
  }

  @Test("asks for the types it has a policy for, and for no others")
  func types() async throws {
    let pay = try PayHarness()
    let handler = PayEventAdaptor(pay.harness.context)
    let handled = try await handler.handledTypes(in: pay.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }
}
