import AdaptorSupport
import AdaptorTestSupport
import Contracts
import FramedRPC
import Kernel
import PointAdaptors
import PointCore
import Synchronization
import Testing

@Suite("Asking for a gift over the wire")
struct RPCGiftGatewayTests {
  @Test("T25, T42: asks by the payment, and hears that the gift is given")
  func given() async throws {
    let gifts = StubGiftService(GiftV1.GiveGiftResponse(gift: GiftV1.Gift(id: 1)))
    #expect(try await Self.ask(gifts) == .given)
    #expect(
      gifts.requests == [
        GiftV1.GiveGiftRequest(classID: 7, paymentID: 5, fee: 10_000, student: "john-doe")
      ])
    #expect(gifts.causes == ["cause-1"])
  }

  @Test("hears that the gift was taken back before")
  func revoked() async throws {
    #expect(
      try await Self.ask(StubGiftService(GiftV1.GiveGiftResponse(revoked: true))) == .revoked)
  }

  @Test("T2: an answer that says neither is not taken for a gift")
  func unclear() async throws {
    let answer = try await Self.ask(StubGiftService(GiftV1.GiveGiftResponse()))
    guard case .unknown = answer else {
      Issue.record("\(answer)")
      return
    }
  }

  @Test("T2: a gift service that fails, refuses or is down leaves the outcome unknown")
  func fails() async throws {
    let statuses: [RPCStatus] = [.unavailable, .invalidArgument, .internal, .deadlineExceeded]
    for status in statuses {
      let answer = try await Self.ask(StubGiftService(error: RPCError(status, "no")))
      guard case .unknown = answer else {
        Issue.record("\(status): \(answer)")
        return
      }
    }
  }

  @Test("what Gift itself refuses it refuses every time: no gift, and no points")
  func refused() async throws {
    let problem = Problem.conflict("given-for-other-terms", title: "no", detail: "no")
    #expect(try await Self.ask(StubGiftService(error: RPCError(problem))) == .revoked)
    let away = RPCError(Problem.unavailable("the store takes nothing now"))
    guard case .unknown = try await Self.ask(StubGiftService(error: away)) else {
      Issue.record("not unknown")
      return
    }
  }

  @Test("T2: a service that does not offer gifts leaves the outcome unknown")
  func absent() async throws {
    let point = try PointHarness()
    let paid = try PointFixture.paid()
    let answer = try await point.harness.withRPC([]) {
      await RPCGiftGateway($0, timeout: ContextHarness.patience).give(
        paid, because: Cause(id: "cause-1"))
    }
    guard case .unknown = answer else {
      Issue.record("\(answer)")
      return
    }
  }

  private static func ask(_ gifts: StubGiftService) async throws -> GiftAnswer {
    let point = try PointHarness()
    let paid = try PointFixture.paid()
    return try await point.harness.withRPC([GiftV1.GiftService.register(gifts)]) {
      await RPCGiftGateway($0, timeout: ContextHarness.patience).give(
        paid, because: Cause(id: "cause-1"))
    }
  }
}

/// A gift service that has one answer for everything, and remembers what it was asked.
private final class StubGiftService: GiftV1.GiftServiceHandler {
  private let answer: Result<GiftV1.GiveGiftResponse, RPCError>
  private let seen = Mutex<[(request: GiftV1.GiveGiftRequest, cause: String?)]>([])

  init(_ answer: GiftV1.GiveGiftResponse) {
    self.answer = .success(answer)
  }

  init(error: RPCError) {
    self.answer = .failure(error)
  }

  var requests: [GiftV1.GiveGiftRequest] { self.seen.withLock { $0.map(\.request) } }

  var causes: [String?] { self.seen.withLock { $0.map(\.cause) } }

  func giveGift(
    _ request: GiftV1.GiveGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.GiveGiftResponse {
    self.seen.withLock { $0.append((request, context.requestID)) }
    return try self.answer.get()
  }

  func getGift(
    _ request: GiftV1.GetGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.GetGiftResponse {
    throw RPCError(.unimplemented, "not asked for")
  }

  func listGifts(
    _ request: GiftV1.ListGiftsRequest, _ context: RPCContext
  ) async throws -> GiftV1.ListGiftsResponse {
    throw RPCError(.unimplemented, "not asked for")
  }

  func findGift(
    _ request: GiftV1.FindGiftRequest, _ context: RPCContext
  ) async throws -> GiftV1.FindGiftResponse {
    throw RPCError(.unimplemented, "not asked for")
  }

  func getBalance(
    _ request: GiftV1.GetBalanceRequest, _ context: RPCContext
  ) async throws -> GiftV1.GetBalanceResponse {
    throw RPCError(.unimplemented, "not asked for")
  }

  func findEntries(
    _ request: GiftV1.FindEntriesRequest, _ context: RPCContext
  ) async throws -> GiftV1.FindEntriesResponse {
    throw RPCError(.unimplemented, "not asked for")
  }
}
