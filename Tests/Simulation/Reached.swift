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
  case courseFull = "course full"
  case lineJoined = "waitlist joined"
  case lineLeft = "waitlist left"
  case notInFullCourse = "waitlist refused, the course has seats"
  case offerTaken = "offered seat taken"
  case offerExpired = "offered seat not taken in time"
  case offerAtRest = "seat kept for somebody at rest"
  case lineClosed = "waitlist closed with its course"
  case lineLeftByGift = "waitlist left by who was given a class"
  case tooManySeatsTaken = "more seats taken than the course has by now"
  case severalClasses = "student in a course several times"
  case courseCanceled = "course canceled"
  case canceledWithCourse = "class canceled with its course"
  case canceledCourseDeleted = "canceled course deleted"
  case circuitOpened = "circuit opened"
  case circuitClosed = "circuit closed again"
  case refusedByCircuit = "call refused by an open circuit"
  case waitedForPlace = "call waited for a place in a bulkhead"
  case sentToRoom = "sent to the waiting room"
  case waitedForTurn = "turn after a wait"
  case turnUsed = "turn used"
  case turnInUse = "turn used by another request"
  case turnGivenBack = "turn given back"
  case turnGivenUpInUse = "turn given up while a registration used it in vain"
  case ticketExpired = "ticket expired"
  case ticketGivenUp = "ticket given up"
  case ticketOver = "registration with a ticket that is over"
  case waitedAcrossCrash = "place in the waiting room kept across a crash"
  case turnedAway = "call refused by a full bulkhead"

  static func all(in stores: Stores, of world: World) -> Set<Reached> {
    let history = world.history
    var reached: Set<Reached> = []
    func note(_ one: Reached, _ isTrue: Bool) {
      if isTrue { reached.insert(one) }
    }
    note(.circuitOpened, world.guardCounts.opened > 0)
    note(.circuitClosed, world.guardCounts.closed > 0)
    note(.refusedByCircuit, world.guardCounts.refused > 0)
    note(.waitedForPlace, world.guardCounts.waited > 0)
    note(.turnGivenBack, world.roomWatch.givenBack > 0)
    note(.turnGivenUpInUse, world.roomWatch.givenUpInUse > 0)
    for ticket in stores.tickets {
      note(.turnUsed, ticket.state == "USED")
      note(.ticketExpired, ticket.state == "EXPIRED")
      note(.ticketGivenUp, ticket.state == "LEFT")
    }
    Self.noteRoom(history, note)
    note(.turnedAway, world.guardCounts.turnedAway > 0)
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
    Self.noteSeats(stores, history, note)
    note(.alertSent, stores.alerts.contains { $0.status == "SENT" })
    return reached
  }

  private static func noteSeats(
    _ stores: Stores, _ history: History, _ note: (Reached, Bool) -> Void
  ) {
    let left = Set(history.leaves.map(\.target.value))
    for place in stores.places {
      note(.lineJoined, true)
      note(.offerTaken, place.state == "TAKEN")
      note(.offerExpired, place.state == "EXPIRED")
      note(.offerAtRest, place.state == "OFFERED")
      note(.lineClosed, place.state == "CLOSED")
      note(.lineLeft, place.state == "LEFT")
      note(.lineLeftByGift, place.state == "LEFT" && !left.contains(place.id))
    }
    for course in stores.offeredCourses {
      note(.tooManySeatsTaken, course.capacity.map { course.seatsTaken > $0 } ?? false)
      note(.courseCanceled, course.state == "CANCELED")
      note(.canceledWithCourse, course.classesToCancel ?? 0 > 0)
      note(.canceledCourseDeleted, course.state == "DELETED" && course.classesToCancel != nil)
    }
    let active = stores.classes.filter(\.isActive).map { "\($0.course) \($0.student)" }
    note(.severalClasses, active.count > Set(active).count)
    for told in history.joins.flatMap(\.attempts).map(\.told) {
      note(.notInFullCourse, told.code == "course-has-seats")
    }
  }

  private static func noteRoom(_ history: History, _ note: (Reached, Bool) -> Void) {
    var starts: [String: Int] = [:]
    for look in history.tickets {
      guard let ticket = look.told.answer?.ticket else { continue }
      let before = starts[ticket.token.value]
      note(.waitedForTurn, ticket.state == .turn && before != nil)
      guard ticket.state == .waiting else { continue }
      note(.waitedAcrossCrash, before.map { $0 < look.starts } ?? false)
      starts[ticket.token.value] = look.starts
    }
    for told in history.enrollments.flatMap(\.attempts).map(\.told) {
      note(.sentToRoom, told.code == WaitingRoomError.waitCode)
      note(.turnInUse, told.code == WaitingRoomError.turnInUse.problem.code)
      note(
        .ticketOver,
        ["waiting-ticket-used", "waiting-ticket-expired", "waiting-ticket-left"].contains(told.code)
      )
    }
  }

  private static func note(_ history: History, _ note: (Reached, Bool) -> Void) {
    for intent in history.enrollments {
      let answers = intent.attempts.compactMap(\.told.answer)
      note(.keyRepeated, intent.key != nil && answers.count > 1)
      for (_, told) in intent.attempts {
        note(.pendingAnswer, told.answer?.status == .pending)
        note(.inDoubt, told.isInDoubt)
        note(.alreadyEnrolled, told.code == "already-enrolled")
        note(.courseFull, told.code == "course-full")
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
