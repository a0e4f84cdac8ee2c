import AdaptorSupport
import Contracts
import EnrollmentCore
import FramedRPC
import Kernel

/// Pay, asked over the wire. The class is the key of the payment, so that asking again is safe.
package struct RPCPaymentGateway: PaymentGateway {
  private let client: PayV1.PayServiceClient
  private let timeout: Duration

  /// - Parameter timeout: a student waits no longer for Pay; the seed's limit is the same (R23).
  package init(_ channel: any RPCChannel, timeout: Duration = .milliseconds(1000)) {
    self.client = PayV1.PayServiceClient(channel)
    self.timeout = timeout
  }

  package func pay(_ request: PaymentRequest, because cause: Cause) async -> PaymentAnswer {
    CrashPoint.reached(.payAsked)
    defer { CrashPoint.reached(.payAnswered) }
    do {
      let answer = try await self.client.approve(
        PayV1.ApproveRequest(
          classID: request.classID.value, courseID: request.courseID.value,
          fee: request.fee.won, student: request.student, textBook: request.textBook),
        options: cause.options(timeout: self.timeout))
      return Self.answer(answer)
    } catch {
      return PaymentFallback.answer(to: error)
    }
  }

  private static func answer(_ response: PayV1.ApproveResponse) -> PaymentAnswer {
    if let payment = response.payment { return .approved(PaymentID(payment.id)) }
    guard !response.declinedReason.isEmpty else {
      return .unknown(reason: "the answer has neither a payment nor a reason")
    }
    return .declined(reason: response.declinedReason)
  }
}
