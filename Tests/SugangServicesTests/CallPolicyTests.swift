import Contracts
import FramedRPC
import SugangServices
import Testing

@Suite("How the services call each other")
struct CallPolicyTests {
  private static let services = [
    CourseV1.CourseService.descriptor, EnrollmentV1.EnrollmentService.descriptor,
    EnrollmentV1.WaitlistService.descriptor, EnrollmentV1.WaitingRoomService.descriptor,
    PayV1.PayService.descriptor, PointV1.PointService.descriptor, GiftV1.GiftService.descriptor,
    AlertV1.AlertService.descriptor, MypageV1.MyPageService.descriptor,
    EventsV1.EventInboxService.descriptor, EventsV1.EventFeedService.descriptor,
    FramedrpcV1.HealthService.descriptor,
  ]

  /// Commands that answer a repeat with the first answer.
  private static let keyed = [
    "sugang.pay.v1.PayService/Approve", "sugang.gift.v1.GiftService/GiveGift",
  ]

  /// Repeated by their callers.
  private static let loops = [
    "framedrpc.v1.HealthService/Check", "sugang.events.v1.EventFeedService/Fetch",
  ]

  @Test("reads may be made twice, at once too; of the commands only those with a key")
  func methods() throws {
    let methods = Self.services.flatMap(\.methods).map(\.fullName)
    for method in methods {
      let policy = CallPolicy.standard.policy(of: method)
      let name = try #require(method.split(separator: "/").last)
      let isRead = ["Get", "List", "Find"].contains { name.hasPrefix($0) }
      #expect(
        policy.isIdempotent
          == (isRead || Self.keyed.contains(method) || Self.loops.contains(method)), "\(method)")
      #expect((policy.hedging != nil) == isRead, "\(method)")
      #expect((policy.retry == nil) == Self.loops.contains(method), "\(method)")
    }
    // A name that no service has would be a policy for nothing.
    #expect(Set(CallPolicy.standard.methods.keys).isSubset(of: methods))
    #expect(!CallPolicy.standard.standard.isIdempotent)
  }
}
