import Contracts
import FramedRPC

/// How Sugang's services call each other: which calls may be made twice.
///
/// Conservative: whatever is not named here is tried again only when it certainly had no effect.
/// Commands of users (enroll, modify, cancel, refund, course changes) are none of these: after a
/// lost answer the user, who has the idempotency key, asks again.
public enum CallPolicy {
  /// How long a read may take before another endpoint is asked too, where there is one: far above
  /// what a read takes on a machine that is not in trouble.
  static let hedgeDelay = Duration.milliseconds(100)

  public static let standard = ClientPolicy(
    methods: Dictionary(
      uniqueKeysWithValues:
        Self.reads.map { ($0, Self.read) } + Self.keyedCommands.map { ($0, .idempotent) }
        + Self.loops.map { ($0, Self.once) }))

  private static let read = MethodPolicy(
    isIdempotent: true, hedging: HedgingPolicy(delay: Self.hedgeDelay))

  /// They change nothing.
  package static let reads = [
    CourseV1.CourseService.getCourse.fullName,
    CourseV1.CourseService.listCourses.fullName,
    CourseV1.CourseService.getDelivery.fullName,
    CourseV1.CourseService.listDeliveries.fullName,
    CourseV1.CourseService.findDeliveries.fullName,
    CourseV1.CourseService.getCourseCancellation.fullName,
    EnrollmentV1.EnrollmentService.getEnrollment.fullName,
    EnrollmentV1.EnrollmentService.listEnrollments.fullName,
    EnrollmentV1.EnrollmentService.findEnrollments.fullName,
    EnrollmentV1.WaitlistService.getWaitlistEntry.fullName,
    EnrollmentV1.WaitlistService.listWaitlist.fullName,
    EnrollmentV1.WaitlistService.findWaitlistOfStudent.fullName,
    EnrollmentV1.WaitlistService.findWaitlistOfCourse.fullName,
    EnrollmentV1.WaitingRoomService.getTicket.fullName,
    EnrollmentV1.WaitingRoomService.getWaitingRoom.fullName,
    EnrollmentV1.EnrollmentService.getCancellationProgress.fullName,
    PayV1.PayService.getPayment.fullName,
    PayV1.PayService.listPayments.fullName,
    PayV1.PayService.findPayments.fullName,
    PointV1.PointService.getPoint.fullName,
    PointV1.PointService.listPoints.fullName,
    PointV1.PointService.findPoints.fullName,
    PointV1.PointService.getBalance.fullName,
    PointV1.PointService.findEntries.fullName,
    GiftV1.GiftService.getGift.fullName,
    GiftV1.GiftService.listGifts.fullName,
    GiftV1.GiftService.findGift.fullName,
    GiftV1.GiftService.getBalance.fullName,
    GiftV1.GiftService.findEntries.fullName,
    AlertV1.AlertService.getAlert.fullName,
    AlertV1.AlertService.listAlerts.fullName,
    AlertV1.AlertService.findAlerts.fullName,
    MypageV1.MyPageService.getInquiryMypage.fullName,
    MypageV1.MyPageService.listInquiryMypages.fullName,
    MypageV1.MyPageService.findByClass.fullName,
    MypageV1.MyPageService.findByPayment.fullName,
    MypageV1.MyPageService.findByStudent.fullName,
    EventsV1.EventInboxService.listParked.fullName,
    EventsV1.EventInboxService.listCursors.fullName,
    FramedrpcV1.HealthService.list.fullName,
  ]

  /// Commands whose key is in the request and that answer a repeat with the first answer: the
  /// payment of a class, the gift of a payment (traps T2, T42). Not hedged: two at once gain
  /// nothing where only one may win.
  package static let keyedCommands = [
    PayV1.PayService.approve.fullName,
    GiftV1.GiftService.giveGift.fullName,
  ]

  /// Whoever calls these calls again anyway, at its own pace: a probe, a consumer's long poll. Each
  /// failure is repeated at one place.
  static let loops = [
    FramedrpcV1.HealthService.check.fullName,
    EventsV1.EventFeedService.fetch.fullName,
  ]

  private static let once = MethodPolicy(isIdempotent: true, retry: nil)
}
