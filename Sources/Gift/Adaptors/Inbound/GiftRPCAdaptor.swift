import AdaptorSupport
import Contracts
import FramedRPC
import GiftCore
import Kernel

/// Lets FramedRPC drive Gift's port.
package struct GiftRPCAdaptor: GiftV1.GiftServiceHandler {
  private let port: any GiftPort

  package init(port: any GiftPort) {
    self.port = port
  }

  package func giveGift(
    _ request: GiftV1.GiveGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.GiveGiftResponse {
    try await answering {
      let command = GiveGift(
        paymentID: PaymentID(request.paymentID), classID: ClassID(request.classID),
        fee: try Money(won: request.fee, field: "fee"), student: request.student)
      return switch try await self.port.give(command, by: Caller(context)) {
      case .given(let gift): GiftV1.GiveGiftResponse(gift: GiftV1.Gift(gift))
      case .revoked: GiftV1.GiveGiftResponse(revoked: true)
      }
    }
  }

  package func getGift(
    _ request: GiftV1.GetGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.GetGiftResponse {
    try await answering {
      let gift = try await self.port.gift(GiftID(request.id), by: Caller(context))
      return GiftV1.GetGiftResponse(gift: GiftV1.Gift(gift))
    }
  }

  package func listGifts(
    _ request: GiftV1.ListGiftsRequest, _ context: RPCContext
  ) async throws -> GiftV1.ListGiftsResponse {
    try await answering {
      let page = try await self.port.gifts(PageRequest(request.page), by: Caller(context))
      return GiftV1.ListGiftsResponse(
        gifts: page.items.map(GiftV1.Gift.init), total: Int64(page.totalElements))
    }
  }

  package func findGift(
    _ request: GiftV1.FindGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.FindGiftResponse {
    try await answering {
      let gift = try await self.port.gift(of: ClassID(request.classID), by: Caller(context))
      return GiftV1.FindGiftResponse(gift: GiftV1.Gift(gift))
    }
  }

  package func getBalance(
    _ request: GiftV1.GetBalanceRequest, _ context: RPCContext
  ) async throws -> GiftV1.GetBalanceResponse {
    try await answering {
      GiftV1.GetBalanceResponse(
        giftstock: try await self.port.balance(of: request.student, by: Caller(context)))
    }
  }

  package func findEntries(
    _ request: GiftV1.FindEntriesRequest, _ context: RPCContext
  ) async throws -> GiftV1.FindEntriesResponse {
    try await answering {
      let page = try await self.port.entries(
        of: ClassID(request.classID), PageRequest(request.page), by: Caller(context))
      return GiftV1.FindEntriesResponse(
        entries: page.items.map(GiftV1.GiftEntry.init), total: Int64(page.totalElements))
    }
  }
}
