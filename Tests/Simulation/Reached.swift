import CourseCore
import EnrollmentCore
import Kernel
import PayCore

/// What a run came by: a simulation that never gets there shows nothing.
package enum Reached: String, CaseIterable, Sendable {
  case registered = "class registered"
  case freeClass = "free class registered"
  case pendingAnswer = "class answered as pending"
  case canceled = "class canceled"
  case canceledUnpaid = "class canceled before it was paid"
  case paymentFailed = "payment declined"
  case renamed = "class given to another student"
  case alreadyEnrolled = "already enrolled"
  case courseClosed = "course closed"
  case keyRepeated = "key answered again"
  case keyInProgress = "key in progress"
  case inDoubt = "in doubt"
  case courseChanged = "course changed"
  case courseDeleted = "course deleted"
  case deletionRefused = "course kept, somebody is in it"
  case refundedByHand = "money given back by hand"
  case pointsGranted = "points granted"
  case pointsCanceled = "points canceled"
  case pointsNeverGranted = "points canceled before they were granted"
  case giftGranted = "gift granted"
  case giftRevoked = "gift revoked"
  case giftNeverGiven = "gift revoked before it was given"
  case bookSent = "book sent"
  case bookStopped = "book stopped"
  case bookNeverSent = "book stopped before it was sent"
  case alertSent = "alert sent"

  static func all(in stores: Stores, _ history: History) -> Set<Reached> {
    var reached: Set<Reached> = []
    func note(_ one: Reached, _ isTrue: Bool) {
      if isTrue { reached.insert(one) }
    }
    for row in stores.classes {
      note(.registered, row.status == "REGISTERED")
      note(.freeClass, row.status == "REGISTERED" && row.fee == 0)
      note(.canceled, row.status == "CANCELED")
      note(.paymentFailed, row.status == "PAYMENT_FAILED")
      note(.renamed, row.student.contains("+"))
      note(
        .canceledUnpaid,
        row.status == "CANCELED" && !stores.payments.contains { $0.classID == row.id })
    }
    Self.note(history, note)
    for point in stores.points {
      note(.pointsGranted, point.status == "GRANTED")
      note(.pointsCanceled, point.status == "CANCELED")
      let isTold = stores.events.contains {
        $0.type == "PointRegistered" && $0.subject == "class-\(point.classID)"
      }
      note(.pointsNeverGranted, point.status == "CANCELED" && !isTold)
    }
    for gift in stores.gifts {
      note(.giftGranted, gift.status == "GRANTED")
      note(.giftRevoked, gift.status == "REVOKED")
    }
    note(.giftNeverGiven, !stores.revokedPayments.isEmpty)
    for delivery in stores.deliveries {
      note(.bookSent, delivery.status == "DELIVERY_START")
      note(.bookStopped, delivery.status == "DELIVERY_CANCEL")
      let isTold = stores.events.contains {
        $0.type == "TextbookDeliveried" && $0.subject == "class-\(delivery.classID)"
      }
      note(.bookNeverSent, !isTold)
    }
    note(.alertSent, stores.alerts.contains { $0.status == "SENT" })
    return reached
  }

  private static func note(_ history: History, _ note: (Reached, Bool) -> Void) {
    for intent in history.enrollments {
      let answers = intent.attempts.compactMap(\.told.answer)
      note(.keyRepeated, intent.key != nil && answers.count > 1)
      for (_, told) in intent.attempts {
        note(.pendingAnswer, told.answer?.status == .pending)
        note(.inDoubt, told.isInDoubt)
        note(.alreadyEnrolled, told.code == "already-enrolled")
        note(.courseClosed, told.code == "course-closed")
        note(.keyInProgress, told.code == "idempotency-in-progress")
      }
    }
    for course in history.courses {
      note(.courseChanged, course.changes.contains { $0.told.answer != nil })
    }
    for deletion in history.deletions {
      note(.courseDeleted, deletion.told.answer != nil)
      note(.deletionRefused, deletion.told.code == "course-has-enrollments")
    }
    for refund in history.refunds { note(.refundedByHand, refund.told.answer != nil) }
  }
}
