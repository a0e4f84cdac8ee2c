import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PayCore

/// Pay's inbound port, answered by a pay service over the wire.
package struct PayRPCClient: PayPort {
  private static let service = "pay"

  private let client: PayV1.PayServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = PayV1.PayServiceClient(channel)
    self.timeout = timeout
  }

  package func approve(
    _ command: ApprovePayment, by caller: Caller
  ) async throws -> PaymentDecision {
    let request = PayV1.ApproveRequest(
      classID: command.classID.value, courseID: command.courseID.value, fee: command.fee.won,
      student: command.student, textBook: command.textBook)
    return try await asking(Self.service) {
      let answer = try await self.client.approve(
        request, options: caller.options(timeout: self.timeout))
      if let payment = answer.payment {
        return .approved(try Payment(payment))
      }
      guard let reason = DeclineReason(rawValue: answer.declinedReason) else {
        throw RPCError(.internal, "'\(answer.declinedReason)' is no reason to decline")
      }
      return .declined(reason)
    }
  }

  package func refund(_ classID: ClassID, by caller: Caller) async throws -> Payment {
    try await asking(Self.service) {
      let answer = try await self.client.refund(
        PayV1.RefundRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout))
      return try Payment(try required(answer.payment, "payment"))
    }
  }

  package func payment(_ id: PaymentID, by caller: Caller) async throws -> Payment {
    try await asking(Self.service) {
      let answer = try await self.client.getPayment(
        PayV1.GetPaymentRequest(id: id.value), options: caller.options(timeout: self.timeout))
      return try Payment(try required(answer.payment, "payment"))
    }
  }

  package func payments(_ page: PageRequest, by caller: Caller) async throws -> Page<Payment> {
    try await asking(Self.service) {
      let answer = try await self.client.listPayments(
        PayV1.ListPaymentsRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.payments.map { try Payment($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func payments(of classID: ClassID, by caller: Caller) async throws -> [Payment] {
    try await asking(Self.service) {
      try await self.client.findPayments(
        PayV1.FindPaymentsRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout)
      ).payments.map { try Payment($0) }
    }
  }
}
