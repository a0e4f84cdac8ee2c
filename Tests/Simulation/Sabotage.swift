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
    default: nil
    }
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
