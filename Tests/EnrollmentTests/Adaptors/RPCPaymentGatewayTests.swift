import AdaptorSupport
import AdaptorTestSupport
import Contracts
import EnrollmentAdaptors
import EnrollmentCore
import FramedRPC
import Kernel
import Synchronization
import Testing

@Suite("Pay over the wire")
struct RPCPaymentGatewayTests {
  private let cause = Cause(id: "request-1")

  @Test("an approved payment has its id, and Pay was told everything")
  func approved() async throws {
    let pay = PayServiceDouble { _ in PayV1.ApproveResponse(payment: PayV1.Payment(id: 5)) }
    #expect(try await self.pay(pay) == .approved(PaymentID(5)))
    let request = PayV1.ApproveRequest(
      classID: 1, courseID: 7, fee: 10_000, student: "john-doe", textBook: "kor_book")
    #expect(pay.asked == [request])
    #expect(pay.causes == ["request-1"])
  }

  @Test("T5: a declined payment has Pay's reason")
  func declined() async throws {
    let pay = PayServiceDouble { _ in PayV1.ApproveResponse(declinedReason: "over-limit") }
    #expect(try await self.pay(pay) == .declined(reason: "over-limit"))
  }

  @Test("T5: what Pay's core refuses is declined: asking again would be refused again")
  func refused() async throws {
    let refusal = RPCError(Problem.invalid([FieldProblem("fee", "must be above 0")]))
    let pay = PayServiceDouble { _ in throw refusal }
    #expect(try await self.pay(pay) == .declined(reason: "validation-failed"))
  }

  @Test(
    "T2: no room, a bug and an empty answer leave the payment unknown",
    arguments: [
      (RPCError(Problem.unavailable("too many requests")), "too many requests"),
      (RPCError(.internal, "broken"), "broken"),
      (RPCError(.invalidArgument, "not a message"), "not a message"),
      (nil, "the answer has neither a payment nor a reason"),
    ])
  func unknown(error: RPCError?, reason: String) async throws {
    let pay = PayServiceDouble { _ in
      if let error { throw error }
      return PayV1.ApproveResponse()
    }
    #expect(try await self.pay(pay) == .unknown(reason: reason))
  }

  @Test("T2: an answer that does not come in time leaves the payment unknown")
  func silent() async throws {
    let pay = PayServiceDouble { _ in
      // Until the caller has left.
      try await Task.sleep(for: .seconds(600))
      return PayV1.ApproveResponse()
    }
    guard case .unknown = try await self.pay(pay, timeout: .milliseconds(20)) else {
      Issue.record("not unknown")
      return
    }
  }

  @Test("W27: a service that does not run leaves the payment unknown")
  func absent() async throws {
    let request = try Self.request()
    let answer = try await withAbsentService { channel in
      await RPCPaymentGateway(channel, timeout: ContextHarness.patience)
        .pay(request, because: self.cause)
    }
    guard case .unknown = answer else {
      Issue.record("\(answer)")
      return
    }
  }

  private func pay(
    _ double: PayServiceDouble, timeout: Duration = ContextHarness.patience
  ) async throws -> PaymentAnswer {
    let harness = try ContextHarness(source: "class", migrations: SQLEnrollmentStore.migrations)
    let request = try Self.request()
    return try await harness.withRPC([PayV1.PayService.register(double)]) { channel in
      await RPCPaymentGateway(channel, timeout: timeout).pay(request, because: self.cause)
    }
  }

  private static func request() throws -> PaymentRequest {
    PaymentRequest(
      for: Enrollment(
        id: ClassID(1), courseID: CourseID(7),
        terms: CourseTerms(fee: try Money(won: 10_000), textBook: "kor_book"),
        student: "john-doe", status: .pending, acceptedAt: Timestamp(microseconds: 0)))
  }
}

/// Pay's service that approves as a test says, and offers nothing else.
private final class PayServiceDouble: PayV1.PayServiceHandler {
  private let answer: @Sendable (PayV1.ApproveRequest) async throws -> PayV1.ApproveResponse
  private let requests = Mutex<[(request: PayV1.ApproveRequest, cause: String)]>([])

  init(
    _ answer: @escaping @Sendable (PayV1.ApproveRequest) async throws -> PayV1.ApproveResponse
  ) {
    self.answer = answer
  }

  var asked: [PayV1.ApproveRequest] { self.requests.withLock { $0.map(\.request) } }

  var causes: [String] { self.requests.withLock { $0.map(\.cause) } }

  func approve(
    _ request: PayV1.ApproveRequest, _ context: RPCContext
  ) async throws -> PayV1.ApproveResponse {
    self.requests.withLock { $0.append((request, context.requestID ?? "?")) }
    return try await self.answer(request)
  }

  func refund(
    _ request: PayV1.RefundRequest, _ context: RPCContext
  ) async throws -> PayV1.RefundResponse { throw Self.notOffered }

  func getPayment(
    _ request: PayV1.GetPaymentRequest, _ context: RPCContext
  ) async throws -> PayV1.GetPaymentResponse { throw Self.notOffered }

  func listPayments(
    _ request: PayV1.ListPaymentsRequest, _ context: RPCContext
  ) async throws -> PayV1.ListPaymentsResponse { throw Self.notOffered }

  func findPayments(
    _ request: PayV1.FindPaymentsRequest, _ context: RPCContext
  ) async throws -> PayV1.FindPaymentsResponse { throw Self.notOffered }

  private static let notOffered = RPCError(.unimplemented, "the double only approves")
}
