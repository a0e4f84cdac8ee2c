import AdaptorSupport
import Contracts
import FramedRPC
import Kernel
import PointCore

/// Asks a gift service for the gift that goes with points.
///
/// The payment id is the key of the command, which is no GET that a crawler could repeat (traps
/// T25, T42). What Gift refuses it refuses every time: no gift, and so no points. Whatever else goes
/// wrong is an unknown outcome, and asked about again.
package struct RPCGiftGateway: GiftGateway {
  private let client: GiftV1.GiftServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = GiftV1.GiftServiceClient(channel)
    self.timeout = timeout
  }

  package func give(_ paid: PaidFee, because cause: Cause) async -> GiftAnswer {
    let request = GiftV1.GiveGiftRequest(
      classID: paid.classID.value, paymentID: paid.paymentID.value, fee: paid.fee.won,
      student: paid.student)
    CrashPoint.reached(.giftAsked)
    defer { CrashPoint.reached(.giftAnswered) }
    do {
      let answer = try await self.client.giveGift(
        request, options: cause.options(timeout: self.timeout))
      if answer.revoked { return .revoked }
      return answer.gift == nil ? .unknown(reason: "an answer without a gift") : .given
    } catch let error as RPCError {
      if let problem = error.problem, problem.kind.isAnswer { return .revoked }
      return .unknown(reason: error.message)
    } catch {
      return .unknown(reason: "\(error)")
    }
  }
}
