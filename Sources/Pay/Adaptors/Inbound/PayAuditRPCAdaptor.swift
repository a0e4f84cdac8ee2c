import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PayCore

/// Lets FramedRPC drive the port of whoever compares the books.
package struct PayAuditRPCAdaptor: PayV1.PaymentAuditServiceHandler {
  /// Payments in one message, and in one read.
  package static let pageSize = 256

  private let port: any PayAuditPort

  package init(port: any PayAuditPort) {
    self.port = port
  }

  /// Page by page: a reader that is slow holds up no transaction and no memory.
  package func auditPayments(
    _ request: PayV1.AuditPaymentsRequest,
    _ responses: RPCWriter<PayV1.AuditPaymentsResponse>, _ context: RPCContext
  ) async throws {
    try await answering {
      let last = request.throughClassID == 0 ? nil : ClassID(request.throughClassID)
      var position = ClassID(request.afterClassID)
      while true {
        let page = try await self.port.payments(
          afterClass: position, throughClass: last, atMost: Self.pageSize)
        guard let end = page.last else { return }
        try await responses.write(
          PayV1.AuditPaymentsResponse(payments: page.map(PayV1.Payment.init)))
        position = end.classID
      }
    }
  }

  package func repeatPayment(
    _ request: PayV1.RepeatPaymentRequest, _ context: RPCContext
  ) async throws -> PayV1.RepeatPaymentResponse {
    try await answering {
      let event = try await self.port.repeatNews(
        of: ClassID(request.classID), because: Cause(context))
      let type =
        switch event {
        case .paymentApproved: "PaymentApproved"
        case .paymentCanceled: "PaymentCanceled"
        }
      return PayV1.RepeatPaymentResponse(eventType: type)
    }
  }
}
