import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import PayAdaptors
import PayCore
import Testing

@Suite("The contract of Pay's port")
struct PayContractTests {
  private let cause = Cause(id: "request-1")

  @Test(
    "a payment is approved once and found by id, by class and in the list", arguments: Way.allCases)
  func approves(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness()
    try await pay.with(way) { port in
      let command = try PayHarness.command()
      guard case .approved(let payment) = try await port.approve(command, because: cause) else {
        Issue.record("not approved")
        return
      }
      #expect(payment.status == .completed)
      #expect(try await port.approve(command, because: cause) == .approved(payment))
      #expect(try await port.payment(payment.id) == payment)
      #expect(try await port.payments(of: ClassID(1)) == [payment])
      let page = try await port.payments(try PageRequest())
      #expect(page.items == [payment])
      #expect(page.totalElements == 1)
    }
    #expect(try await pay.harness.eventTypes() == ["PaymentApproved"])
  }

  @Test(
    "T15: a refund happens once, and its payment is not approved again", arguments: Way.allCases)
  func refundsOnce(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness()
    try await pay.with(way) { port in
      let command = try PayHarness.command()
      _ = try await port.approve(command, because: cause)
      let refunded = try await port.refund(ClassID(1), because: cause)
      #expect(refunded.status == .canceled)
      #expect(try await port.refund(ClassID(1), because: cause) == refunded)
      #expect(try await port.payments(of: ClassID(1)).map(\.status) == [.canceled])
      #expect(try await port.approve(command, because: cause) == .declined(.classCanceled))
    }
    #expect(try await pay.harness.eventTypes() == ["PaymentApproved", "PaymentCanceled"])
  }

  @Test(
    "a class without a payment has nothing to refund, and can be paid later",
    arguments: Way.allCases)
  func refundsNothing(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness()
    try await pay.with(way) { port in
      let problem = await problem { _ = try await port.refund(ClassID(1), because: cause) }
      #expect(problem?.kind == .notFound)
      guard case .approved = try await port.approve(try PayHarness.command(), because: cause) else {
        Issue.record("not approved")
        return
      }
    }
    #expect(try await pay.harness.eventTypes() == ["PaymentApproved"])
  }

  @Test("a payment for other terms is not taken for this one", arguments: Way.allCases)
  func tellsTermsApart(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness()
    try await pay.with(way) { port in
      _ = try await port.approve(try PayHarness.command(fee: 10_000), because: cause)
      let problem = await problem {
        _ = try await port.approve(try PayHarness.command(fee: 20_000), because: cause)
      }
      #expect(problem?.code == "paid-for-other-terms")
    }
    #expect(try await pay.harness.eventTypes() == ["PaymentApproved"])
  }

  @Test("T5: a declined payment says why", arguments: Way.allCases)
  func declines(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness(limitWon: 9_999)
    try await pay.with(way) { port in
      let answer = try await port.approve(try PayHarness.command(), because: cause)
      #expect(answer == .declined(.overLimit))
    }
  }

  @Test("an unknown payment is a not-found", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let pay = try PayHarness()
    try await pay.with(way) { port in
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.payment(PaymentID(99))
      }
      #expect((error as? any DomainError)?.problem.code == "not-found")
      #expect((error as? any DomainError)?.problem.kind == .notFound)
    }
  }

  @Test("lists are paged and sorted", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let cause = self.cause
    let pay = try PayHarness()
    try await pay.with(way) { port in
      for number in 1...5 {
        let command = try PayHarness.command(
          class: Int64(number), fee: Int64(number) * 1000, student: "student-\(number)")
        _ = try await port.approve(command, because: cause)
      }
      let request = try PageRequest(
        number: 1, size: 2, sort: [SortKey(field: "fee", descending: true)])
      let page = try await port.payments(request)
      #expect(page.items.map(\.fee.won) == [3000, 2000])
      #expect(page.totalElements == 5)
      #expect(page.totalPages == 3)
    }
  }

  @Test(
    "a sort key that is no field is refused by name", arguments: [Way.application, .rpc, .rest])
  func refusesUnknownSort(_ way: Way) async throws {
    let pay = try PayHarness()
    try await pay.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "secret")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.payments(request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }

  @Test(
    "a request id that cannot travel is replaced, and the events go on",
    arguments: ["a\u{0}b", "a b", "", String(repeating: "x", count: 129), "é"])
  func hostileRequestID(_ id: String) async throws {
    let pay = try PayHarness()
    let services = [
      PayV1.PayService.register(PayRPCAdaptor(port: pay.application)),
      EventsV1.EventFeedService.register(EventFeed(outbox: pay.harness.outbox)),
    ]
    try await pay.harness.withRPC(services) { channel in
      var metadata = RPCMetadata()
      try metadata.append(RPCContext.requestIDKey, id)
      _ = try await PayV1.PayServiceClient(channel).approve(
        PayV1.ApproveRequest(
          classID: 1, courseID: 7, fee: 10_000, student: "john-doe", textBook: "kor_book"),
        options: CallOptions(timeout: ContextHarness.patience, metadata: metadata))
      let answer = try await EventsV1.EventFeedServiceClient(channel).fetch(
        EventsV1.FetchRequest(after: 0, max: 10),
        options: CallOptions(timeout: ContextHarness.patience))
      #expect(answer.events.map(\.type) == ["PaymentApproved"])
      #expect(answer.events.first?.causationID.utf8.count == 32)
    }
  }
}
