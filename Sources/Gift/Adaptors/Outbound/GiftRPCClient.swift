import AdaptorSupport
import Contracts
import FramedRPC
import GiftCore
import Kernel

/// Gift's inbound port, answered by a gift service over the wire.
package struct GiftRPCClient: GiftPort {
  private static let service = "gift"

  private let client: GiftV1.GiftServiceClient
  private let timeout: Duration

  package init(_ channel: any RPCChannel, timeout: Duration = .seconds(3)) {
    self.client = GiftV1.GiftServiceClient(channel)
    self.timeout = timeout
  }

  package func give(_ command: GiveGift, by caller: Caller) async throws -> GiftDecision {
    let request = GiftV1.GiveGiftRequest(
      classID: command.classID.value, paymentID: command.paymentID.value, fee: command.fee.won,
      student: command.student)
    return try await asking(Self.service) {
      let answer = try await self.client.giveGift(
        request, options: caller.options(timeout: self.timeout))
      if answer.revoked { return .revoked }
      return .given(try Gift(try required(answer.gift, "gift")))
    }
  }

  package func gift(_ id: GiftID, by caller: Caller) async throws -> Gift {
    try await asking(Self.service) {
      let answer = try await self.client.getGift(
        GiftV1.GetGiftRequest(id: id.value), options: caller.options(timeout: self.timeout))
      return try Gift(try required(answer.gift, "gift"))
    }
  }

  package func gifts(_ page: PageRequest, by caller: Caller) async throws -> Page<Gift> {
    try await asking(Self.service) {
      let answer = try await self.client.listGifts(
        GiftV1.ListGiftsRequest(page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.gifts.map { try Gift($0) }, totalElements: Int(answer.total),
        request: page)
    }
  }

  package func gift(of classID: ClassID, by caller: Caller) async throws -> Gift {
    try await asking(Self.service) {
      let answer = try await self.client.findGift(
        GiftV1.FindGiftRequest(classID: classID.value),
        options: caller.options(timeout: self.timeout))
      return try Gift(try required(answer.gift, "gift"))
    }
  }

  package func balance(of student: String, by caller: Caller) async throws -> Int64 {
    try await asking(Self.service) {
      try await self.client.getBalance(
        GiftV1.GetBalanceRequest(student: student), options: caller.options(timeout: self.timeout)
      ).giftstock
    }
  }

  package func entries(
    of classID: ClassID, _ page: PageRequest, by caller: Caller
  ) async throws -> Page<PostedGiftEntry> {
    try await asking(Self.service) {
      let answer = try await self.client.findEntries(
        GiftV1.FindEntriesRequest(classID: classID.value, page: CommonV1.PageRequest(page)),
        options: caller.options(timeout: self.timeout))
      return Page(
        items: try answer.entries.map { try PostedGiftEntry($0) },
        totalElements: Int(answer.total), request: page)
    }
  }
}
