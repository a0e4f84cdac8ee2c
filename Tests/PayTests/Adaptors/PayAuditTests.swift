import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import PayAdaptors
import PayCore
import Testing

@Suite("Pay for whoever compares the books")
struct PayAuditTests {
  private let cause = Cause(id: "request-1")

  @Test("every payment is streamed by its class, whatever its status")
  func streams() async throws {
    let pay = try PayHarness()
    let count = PayAuditRPCAdaptor.pageSize + 3
    // The last class first: the order is that of the classes.
    for id in (1...count).reversed() {
      _ = try await pay.application.approve(
        try PayHarness.command(class: Int64(id)), because: self.cause)
    }
    _ = try await pay.application.refund(ClassID(2), because: self.cause)
    try await self.with(pay) { client in
      var seen: [Int64] = []
      for try await page in try await client.auditPayments(.init()) {
        seen += page.payments.map(\.classID)
      }
      #expect(seen == Array(1...Int64(count)))
      var some: [PayV1.Payment] = []
      let request = PayV1.AuditPaymentsRequest(afterClassID: 1, throughClassID: 3)
      for try await page in try await client.auditPayments(request) { some += page.payments }
      #expect(some.map(\.status) == ["CANCEL", "PAYMENT_COMPLETED"])
    }
  }

  @Test("where the money of a class is, is told again; of no money there is nothing to tell")
  func repeats() async throws {
    let pay = try PayHarness()
    for id in 1...2 {
      _ = try await pay.application.approve(
        try PayHarness.command(class: Int64(id)), because: self.cause)
    }
    _ = try await pay.application.refund(ClassID(2), because: self.cause)
    try await self.with(pay) { client in
      var told: [String] = []
      for id in 1...2 {
        told.append(try await client.repeatPayment(.init(classID: Int64(id))).eventType)
      }
      #expect(told == ["PaymentApproved", "PaymentCanceled"])
      let missing = await #expect(throws: RPCError.self) {
        try await client.repeatPayment(.init(classID: 3))
      }
      #expect(missing?.status == .notFound)
    }
    let events = try await pay.harness.outbox.events(after: 3, limit: 10).events
    #expect(events.map(\.type) == ["PaymentApproved", "PaymentCanceled"])
    #expect(events.map(\.subject) == ["class-1", "class-2"])
  }

  private func with(
    _ pay: PayHarness, _ body: (PayV1.PaymentAuditServiceClient) async throws -> Void
  ) async throws {
    let port = AuditPayments(store: SQLPayStore(pay.harness.context))
    let service = PayV1.PaymentAuditService.register(PayAuditRPCAdaptor(port: port))
    try await pay.harness.withRPC([service]) {
      try await body(PayV1.PaymentAuditServiceClient($0))
    }
  }
}
