import Synchronization

/// A named moment between two durable actions, or just before or after one, at which a test may end
/// the process: what a power cut or `kill -9` may do at any time, on purpose.
///
/// They are compiled into every build. One that nobody waits for costs a relaxed load.
package enum CrashPoint: String, CaseIterable, Sendable {
  // Enrollment.
  case acceptCommits = "accept.before-commit"
  case accepted = "accept.after-commit"
  case payAsked = "ask-pay.before-call"
  case payAnswered = "ask-pay.after-answer"
  case finishCommits = "finish-payment.before-commit"
  case finished = "finish-payment.after-commit"
  case settleCommits = "settle-payment.before-commit"
  case settled = "settle-payment.after-commit"
  case modifyClassCommits = "modify-class.before-commit"
  case classModified = "modify-class.after-commit"
  case cancelClassCommits = "cancel-class.before-commit"
  case classCanceled = "cancel-class.after-commit"
  case closeCourseCommits = "close-course.before-commit"
  case courseClosed = "close-course.after-commit"
  case timeOutCommits = "time-out-pending.before-commit"
  case timedOut = "time-out-pending.after-commit"
  case joinWaitlistCommits = "join-waitlist.before-commit"
  case waitlistJoined = "join-waitlist.after-commit"
  case leaveWaitlistCommits = "leave-waitlist.before-commit"
  case waitlistLeft = "leave-waitlist.after-commit"
  case expireOfferCommits = "expire-offer.before-commit"
  case offerExpired = "expire-offer.after-commit"
  case cancelClassesCommits = "cancel-classes.before-commit"
  case classesCanceled = "cancel-classes.after-commit"

  // Pay.
  case approveCommits = "approve.before-commit"
  case approved = "approve.after-commit"
  case refundCommits = "refund.before-commit"
  case refunded = "refund.after-commit"

  // Course.
  case registerCourseCommits = "register-course.before-commit"
  case courseRegistered = "register-course.after-commit"
  case modifyCourseCommits = "modify-course.before-commit"
  case courseModified = "modify-course.after-commit"
  case beginDeletionCommits = "begin-deletion.before-commit"
  case deletionBegun = "begin-deletion.after-commit"
  case deskAsked = "ask-desk.before-call"
  case deskAnswered = "ask-desk.after-answer"
  case deleteCourseCommits = "delete-course.before-commit"
  case courseDeleted = "delete-course.after-commit"
  case reopenCourseCommits = "reopen-course.before-commit"
  case courseReopened = "reopen-course.after-commit"
  case cancelCourseCommits = "cancel-course.before-commit"
  case courseCanceled = "cancel-course.after-commit"
  case finishCancellationCommits = "finish-cancellation.before-commit"
  case cancellationFinished = "finish-cancellation.after-commit"

  // Point and Gift.
  case giftAsked = "ask-gift.before-call"
  case giftAnswered = "ask-gift.after-answer"
  case grantCommits = "grant-points.before-commit"
  case granted = "grant-points.after-commit"
  case giveCommits = "give-gift.before-commit"
  case given = "give-gift.after-commit"

  // Alert.
  case alertSent = "send-alert.after-sending"
  case alertNoted = "send-alert.after-commit"

  // Gateway.
  case forwarded = "forward.before-call"
  case answered = "forward.after-answer"

  // Whoever follows the events of others: the effect, the inbox and the cursor are one commit.
  case classEventsCommit = "events-from-class.before-commit"
  case classEventsTaken = "events-from-class.after-commit"
  case courseEventsCommit = "events-from-course.before-commit"
  case courseEventsTaken = "events-from-course.after-commit"
  case payEventsCommit = "events-from-pay.before-commit"
  case payEventsTaken = "events-from-pay.after-commit"
  case pointEventsCommit = "events-from-point.before-commit"
  case pointEventsTaken = "events-from-point.after-commit"
  case giftEventsCommit = "events-from-gift.before-commit"
  case giftEventsTaken = "events-from-gift.after-commit"

  /// Whoever has events, when it has read some for others and not yet handed them over.
  case eventsRead = "feed.before-answer"

  /// The services whose processes come by here.
  package var services: [String] {
    switch self {
    case .acceptCommits, .accepted, .payAsked, .payAnswered, .finishCommits, .finished,
      .settleCommits, .settled, .modifyClassCommits, .classModified, .cancelClassCommits,
      .classCanceled, .closeCourseCommits, .courseClosed, .timeOutCommits, .timedOut,
      .joinWaitlistCommits, .waitlistJoined, .leaveWaitlistCommits, .waitlistLeft,
      .expireOfferCommits, .offerExpired, .cancelClassesCommits, .classesCanceled:
      ["class"]
    case .approveCommits, .approved, .refundCommits, .refunded: ["pay"]
    case .registerCourseCommits, .courseRegistered, .modifyCourseCommits, .courseModified,
      .beginDeletionCommits, .deletionBegun, .deskAsked, .deskAnswered, .deleteCourseCommits,
      .courseDeleted, .reopenCourseCommits, .courseReopened, .cancelCourseCommits,
      .courseCanceled, .finishCancellationCommits, .cancellationFinished:
      ["course"]
    case .giftAsked, .giftAnswered, .grantCommits, .granted: ["point"]
    case .giveCommits, .given: ["gift"]
    case .alertSent, .alertNoted: ["alert"]
    case .forwarded, .answered: ["gateway"]
    case .classEventsCommit, .classEventsTaken:
      ["course", "pay", "point", "gift", "mypage", "alert"]
    case .courseEventsCommit, .courseEventsTaken: ["class", "mypage", "alert"]
    case .payEventsCommit, .payEventsTaken: ["class", "course", "point", "mypage", "alert"]
    case .pointEventsCommit, .pointEventsTaken: ["gift", "mypage"]
    case .giftEventsCommit, .giftEventsTaken: ["mypage"]
    case .eventsRead: ["class", "course", "pay", "point", "gift"]
    }
  }

  private static let isArmed = Atomic(false)
  private static let action = Mutex<@Sendable (CrashPoint) -> Void>({ _ in })

  /// Calls `action` at every point from now on; it may never return.
  package static func arm(_ action: @escaping @Sendable (CrashPoint) -> Void) {
    self.action.withLock { $0 = action }
    self.isArmed.store(true, ordering: .releasing)
  }

  /// The process has come to `point`.
  @inline(__always)
  package static func reached(_ point: CrashPoint) {
    guard self.isArmed.load(ordering: .acquiring) else { return }
    self.act(at: point)
  }

  private static func act(at point: CrashPoint) {
    let action = self.action.withLock(\.self)
    action(point)
  }

  /// Where a consumer of `source`'s events is about to commit them, or has.
  package static func events(from source: String, committed: Bool) -> CrashPoint? {
    CrashPoint(rawValue: "events-from-\(source).\(committed ? "after" : "before")-commit")
  }
}
