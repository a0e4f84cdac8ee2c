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
    try .told(
      "class", sequence, about: id,
      EnrollmentV1.ClassCanceled(id: id, courseID: 7, fee: 10_000, student: "john-doe"))
  }

  @Test("T9: a canceled class is refunded once, however often its event comes")
  func refundsOnce() async throws {
    let pay = try PayHarness()
    _ = try await pay.application.approve(
      try PayHarness.command(), because: Cause(id: "request-1"))
    let intake = EventIntake(
      handler: PayEventAdaptor(pay.harness.context), database: pay.harness.database,
      clock: pay.harness.clock, logger: ContextHarness.quiet)
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
      clock: pay.harness.clock, logger: ContextHarness.quiet)
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

  @Test("T34: a payment follows the student of its class, and is given back to the new one")
  func followsStudent() async throws {
    let pay = try PayHarness()
    let handler = PayEventAdaptor(pay.harness.context)
    _ = try await pay.application.approve(
      try PayHarness.command(), because: Cause(id: "request-1"))
    try await pay.harness.tell([.classModified(1, student: "lee")], to: [handler])
    #expect(try await pay.application.payments(of: ClassID(1)).map(\.student) == ["lee"])
    #expect(try await pay.harness.eventTypes() == ["PaymentApproved"])
    try await pay.harness.tell([Self.canceled(2, class: 1)], to: [handler])
    let events = try await pay.harness.outbox.events(after: 0, limit: 10).events
    let refund = try #require(events.last).message(PayV1.PaymentCanceled.self)
    #expect(refund.student == "lee")
  }

  @Test(
    "T34: the student named last stays, whatever comes when, the payment too",
    arguments: EventPath.allCases)
  func followsStudentInAnyOrder(_ path: EventPath) async throws {
    let news = [
      try EventsV1.Event.classModified(1, student: "lee"),
      try .classModified(2, student: "park"), try .classModified(3, class: 2, student: "kim"),
    ]
    for seed in UInt64(1)...8 {
      let pay = try PayHarness()
      let told = news.twiceShuffled(seed: seed)
      for (place, event) in told.enumerated() {
        if place == Int(seed % 6) {
          for number in Int64(1)...3 {
            _ = try await pay.application.approve(
              try PayHarness.command(class: number), because: Cause(id: "request-1"))
          }
        }
        try await pay.harness.tell([event], to: [PayEventAdaptor(pay.harness.context)], path)
      }
      let payments = try await pay.application.payments(try PageRequest()).items
      #expect(payments.map(\.student) == ["park", "kim", "john-doe"], "seed \(seed)")
    }
  }
}
