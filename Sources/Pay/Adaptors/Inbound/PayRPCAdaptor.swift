import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PayCore

/// Lets FramedRPC drive Pay's port.
package struct PayRPCAdaptor: PayV1.PayServiceHandler {
  private let port: any PayPort

  package init(port: any PayPort) {
    self.port = port
  }

  package func approve(
    _ request: PayV1.ApproveRequest, _ context: RPCContext
  ) async throws -> PayV1.ApproveResponse {
    try await answering {
      let command = ApprovePayment(
        classID: ClassID(request.classID), courseID: CourseID(request.courseID),
        fee: try Money(won: request.fee, field: "fee"), student: request.student,
        textBook: request.textBook)
      return switch try await self.port.approve(command, by: Caller(context)) {
      case .approved(let payment): PayV1.ApproveResponse(payment: PayV1.Payment(payment))
      case .declined(let reason): PayV1.ApproveResponse(declinedReason: reason.rawValue)
      }
    }
  }

  package func refund(
    _ request: PayV1.RefundRequest, _ context: RPCContext
  ) async throws -> PayV1.RefundResponse {
    try await answering {
      let payment = try await self.port.refund(
        ClassID(request.classID), by: Caller(context))
      return PayV1.RefundResponse(payment: PayV1.Payment(payment))
    }
  }

  package func getPayment(
    _ request: PayV1.GetPaymentRequest, _ context: RPCContext
  ) async throws -> PayV1.GetPaymentResponse {
    try await answering {
      let payment = try await self.port.payment(PaymentID(request.id), by: Caller(context))
      return PayV1.GetPaymentResponse(payment: PayV1.Payment(payment))
    }
  }

  package func listPayments(
    _ request: PayV1.ListPaymentsRequest, _ context: RPCContext
  ) async throws -> PayV1.ListPaymentsResponse {
    try await answering {
      let page = try await self.port.payments(PageRequest(request.page), by: Caller(context))
      return PayV1.ListPaymentsResponse(
        payments: page.items.map(PayV1.Payment.init), total: Int64(page.totalElements))
    }
  }

  package func findPayments(
    _ request: PayV1.FindPaymentsRequest, _ context: RPCContext
  ) async throws -> PayV1.FindPaymentsResponse {
    try await answering {
      let payments = try await self.port.payments(of: ClassID(request.classID), by: Caller(context))
      return PayV1.FindPaymentsResponse(payments: payments.map(PayV1.Payment.init))
    }
  }
}
