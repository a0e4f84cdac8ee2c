import SugangServices

/// What is broken on purpose, to see that it is noticed. Nothing of it is in the real code.
package enum Sabotage: CaseIterable, Sendable {
  case nothing
  /// Nobody hears that a class was canceled, so nobody gives the money back.
  case forgetsRefunds
  /// Nobody hears of payments given back, so points and books stay.
  case forgetsReversals
  /// A write is called done before it is on the disk, and a crash loses it.
  case answersBeforeCommit
  /// A restarted service takes all events again, because it lost its place and its inbox.
  case forgetsCursors
  /// A server begins what nobody waits for any more, and goes on with it.
  case ignoresDeadlines
  /// Nobody hears that a course was canceled.
  case forgetsCancellations
  /// Seats of canceled courses are not given back, and the classes in them live on.
  case forgetsCanceledClasses
  /// Nobody asks whether Pay is back, so that a circuit that has opened stays open.
  case forgetsProbes
  /// Seats that were offered in vain are kept for ever.
  case forgetsOffers
  /// More students are in a course than it has seats.
  case oversells
  /// Who came last is offered the seat.
  case overtakes
  /// A seat goes to a newcomer while somebody waits for it.
  case letsNewcomersIn
  /// A student is twice in a course that allows one class.
  case admitsTwice
  /// A seat is taken, and nobody has it.
  case losesSeats
  /// Nobody finds out that a ticket of the waiting room is asked for no more.
  case forgetsTickets
  /// Somebody enrolls without a turn.
  case skipsRoom
  /// Somebody enrolls without a turn while others wait.
  case overtakesLine
  /// More may enroll at once than is said …
  case crowdsRoom
  /// … or everybody needs a turn, though the room is empty.
  case closesDoor
  /// A turn that was used is good once more.
  case reusesTurns
  /// A ticket that was given up or has expired is good once more.
  case revivesTickets
  /// A turn that was given up is good once more.
  case returnsGivenUp
  /// A turn is used up, and nobody enrolls.
  case losesTurns
  /// A student has a second place in the waiting room.
  case doublesTickets
  /// After a crash who came last is the first in the line.
  case reversesLine
  /// A crash takes the last event back from the disk, though it was committed …
  case losesCommits
  /// … or makes another of it.
  case swapsCommits
  /// The mark is written before its commit …
  case marksEarly
  /// … or never.
  case forgetsMarks
  /// No time passes in the waiting room …
  case stopsClock
  /// … or too much.
  case hurriesClock

  var hiddenEvents: String? {
    switch self {
    case .forgetsRefunds: "ClassCanceled"
    case .forgetsReversals: "PaymentCanceled"
    case .forgetsCancellations: "CourseCanceled"
    default: nil
    }
  }

  /// The recovery loop that does not run.
  var forgottenLoop: String? {
    switch self {
    case .forgetsCanceledClasses: "cancel classes"
    case .forgetsOffers: "expire offers"
    case .forgetsProbes: "probe pay"
    case .forgetsTickets: "waiting room"
    default: nil
    }
  }

  /// How many seconds pass in the waiting room in one.
  var pace: Int64 {
    switch self {
    case .stopsClock: 0
    case .hurriesClock: 5
    default: 1
    }
  }

  /// What the services are told to do, unlike what is checked.
  func applied(to settings: ServiceSettings) -> ServiceSettings {
    var settings = settings
    switch self {
    case .crowdsRoom: settings.waitingRoom.limit += 8
    case .closesDoor where settings.waitingRoom.mode == .auto: settings.waitingRoom.mode = .on
    default: break
    }
    return settings
  }

  /// What the sabotage needs to come to light.
  var crashes: [(at: Int64, ServiceName)] {
    self == .reversesLine ? [(3_500_000, .class), (8_500_000, .class)] : []
  }

  /// What every unit of work in Enrollment's store does besides.
  var meddling: [String] {
    switch self {
    case .oversells: Self.intrusion("seats_taken >= capacity") + Self.recount
    case .letsNewcomersIn: Self.intrusion("waiting > 0") + Self.recount
    case .overtakes:
      [
        """
        UPDATE waitlist SET state = 'OFFERED', offer_expires_at = joined_at + 9000000
        WHERE id IN (SELECT max(id) FROM waitlist WHERE state = 'WAITING'
          GROUP BY course_id HAVING count(*) > 1)
        """
      ] + Self.recount
    case .admitsTwice:
      [
        """
        INSERT INTO class (id, course_id, fee, text_book, student, status, accepted_at)
        SELECT (SELECT max(id) + 1 FROM class), course_id, class.fee, class.text_book, student,
          status, accepted_at
        FROM class JOIN offered_course ON offered_course.id = course_id
        WHERE status = 'PENDING' AND max_per_student = 1
          AND (SELECT count(*) = count(DISTINCT course_id || student) FROM class)
        LIMIT 1
        """
      ] + Self.recount
    case .losesSeats:
      [
        """
        UPDATE offered_course SET seats_taken = seats_taken + 1
        WHERE seats_taken < coalesce(capacity, 9) AND seats_taken > 0
        """
      ]
    case .skipsRoom: Self.intrusion("true") + Self.recount
    case .overtakesLine:
      // Who waits has been told so by then.
      Self.intrusion(
        """
        EXISTS (SELECT 1 FROM waiting_ticket JOIN class ON accepted_at > taken_at + 300000
          WHERE state = 'WAITING')
        """) + Self.recount
    case .reusesTurns:
      [
        """
        UPDATE waiting_ticket SET state = 'TURN', ended_at = NULL
        WHERE state = 'USED' AND student IN (SELECT student FROM class WHERE status = 'REGISTERED')
          AND student NOT IN (SELECT student FROM waiting_ticket WHERE state IN ('WAITING', 'TURN'))
        """
      ]
    case .revivesTickets:
      [
        """
        UPDATE waiting_ticket SET state = 'WAITING', ended_at = NULL
        WHERE sequence = (SELECT max(sequence) FROM waiting_ticket AS over
          WHERE state IN ('LEFT', 'EXPIRED')
            AND ended_at < (SELECT max(taken_at) FROM waiting_ticket)
            AND student NOT IN (
              SELECT student FROM waiting_ticket WHERE state IN ('WAITING', 'TURN')))
        """
      ]
    case .returnsGivenUp:
      [
        """
        UPDATE waiting_ticket SET state = 'TURN', ended_at = NULL
        WHERE state = 'LEFT' AND turn_expires_at IS NOT NULL AND student NOT IN (
          SELECT student FROM waiting_ticket WHERE state IN ('WAITING', 'TURN'))
        """
      ]
    case .losesTurns: ["UPDATE waiting_ticket SET state = 'USED' WHERE state = 'TURN'"]
    case .doublesTickets:
      [
        "DROP INDEX IF EXISTS good_waiting_ticket",
        """
        INSERT INTO waiting_ticket (sequence, token, student, course_id, state, taken_at)
        SELECT sequence + 1000, lower(hex(zeroblob(12))) || printf('%08x', sequence), student, course_id, 'WAITING', taken_at
        FROM waiting_ticket WHERE state = 'WAITING'
          AND (SELECT count(*) = count(DISTINCT student) FROM waiting_ticket)
        LIMIT 1
        """,
      ]
    case .reversesLine:
      [
        """
        UPDATE waiting_ticket SET state = 'WAITING', turn_expires_at = NULL,
          sequence = -sequence - 100 * (SELECT count(*) FROM waiting_ticket WHERE sequence < 0)
        WHERE state IN ('WAITING', 'TURN') AND sequence > 0
        """
      ]
    default: []
    }
  }

  /// A student comes in by no door, into one course.
  private static func intrusion(_ condition: String) -> [String] {
    [
      """
      INSERT INTO class (id, course_id, fee, text_book, student, status, accepted_at)
      SELECT (SELECT coalesce(max(id), 0) + 1 FROM class), id, 0, '', 'intruder', 'PENDING', 0
      FROM offered_course
      WHERE state = 'OPEN' AND \(condition)
        AND NOT EXISTS (SELECT 1 FROM class WHERE student = 'intruder')
      LIMIT 1
      """
    ]
  }

  /// So that the counters agree with what was done, and the schema does not object.
  private static let recount = [
    "DROP TRIGGER IF EXISTS never_oversold",
    """
    UPDATE offered_course SET
      seats_taken = (SELECT count(*) FROM class WHERE course_id = offered_course.id
        AND status IN ('PENDING', 'REGISTERED'))
        + (SELECT count(*) FROM waitlist WHERE course_id = offered_course.id
        AND state = 'OFFERED'),
      waiting = (SELECT count(*) FROM waitlist WHERE course_id = offered_course.id
        AND state = 'WAITING')
    """,
  ]
}
