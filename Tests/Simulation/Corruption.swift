import Storage
import SugangServices

/// Damage done to the disks after a run, to see that the checker notices it.
package struct Corruption: Sendable {
  package let name: String
  let service: ServiceName
  let statements: [String]
  /// What must be noticed.
  package let breaks: Invariant

  init(_ name: String, _ service: ServiceName, _ statements: String..., breaks: Invariant) {
    self.name = name
    self.service = service
    self.statements = statements
    self.breaks = breaks
  }

  func apply(to world: World) throws {
    let units = self.statements.map { statement in
      { (connection: any SQLConnection) in try connection.execute(statement) }
    }
    for result in try world.node(self.service).store.commit(units) { try result.get() }
  }

  /// Of everything that the invariants speak of, something.
  package static let all =
    [
      Corruption("a class is lost", .class, "DELETE FROM class", breaks: .i1),
      Corruption(
        "a canceled class is back", .class, "UPDATE class SET status = 'PENDING'", breaks: .i2),
      Corruption("a payment is lost", .pay, "DELETE FROM payment", breaks: .i2),
      Corruption("money is given back", .pay, "UPDATE payment SET status = 'CANCEL'", breaks: .i2),
      Corruption("money is kept", .pay, "UPDATE payment SET fee = fee + 1", breaks: .i2),
      Corruption(
        "a payment without a class", .pay,
        "INSERT INTO payment SELECT id + 1000, class_id + 1000, course_id, fee, student, text_book,"
          + " status FROM payment", breaks: .i2),
      Corruption(
        "somebody is in a course twice", .class,
        "INSERT INTO class SELECT id + 1000, course_id, fee, text_book, student || '+', status,"
          + " decline_reason, accepted_at FROM class", breaks: .i3),
      Corruption(
        "points are another payment's", .point, "UPDATE point SET payment_id = payment_id + 1000",
        breaks: .i4),
      Corruption(
        "points are earned once more", .point,
        "INSERT INTO point_entry (point_id, payment_id, class_id, kind, points, at)"
          + " SELECT point_id, payment_id + 1000, class_id, kind, points, at FROM point_entry"
          + " WHERE kind = 'EARN'", breaks: .i4),
      Corruption(
        "points are taken back", .point,
        "INSERT INTO point_entry (point_id, payment_id, class_id, kind, points, at)"
          + " SELECT point_id, payment_id, class_id, 'REVERSE', -points, at FROM point_entry AS earned"
          + " WHERE kind = 'EARN' AND NOT EXISTS (SELECT 1 FROM point_entry WHERE kind = 'REVERSE'"
          + " AND payment_id = earned.payment_id)", breaks: .i4),
      Corruption(
        "points are doubled", .point, "UPDATE point SET cashpoint = cashpoint * 2 + 1", breaks: .i4),
      Corruption(
        "points of no payment", .point,
        "INSERT INTO point (id, payment_id, class_id, fee, student, status, cashpoint, cause)"
          + " SELECT id + 1000, payment_id + 1000, class_id, fee, student, status, cashpoint, cause"
          + " FROM point", breaks: .i4),
      Corruption("a gift is another's", .gift, "UPDATE gift SET student = 'thief'", breaks: .i5),
      Corruption(
        "a gift is another payment's", .gift, "UPDATE gift SET payment_id = payment_id + 1000",
        breaks: .i5),
      Corruption(
        "a gift is given once more", .gift,
        "INSERT INTO gift_entry (gift_id, payment_id, class_id, kind, gifts, at)"
          + " SELECT gift_id, payment_id + 1000, class_id, kind, gifts, at FROM gift_entry"
          + " WHERE kind = 'GRANT'", breaks: .i5),
      Corruption("gifts are taken", .gift, "UPDATE gift SET giftstock = 9", breaks: .i5),
      Corruption("an event is lost", .pay, "DELETE FROM outbox WHERE sequence = 1", breaks: .i6),
      Corruption(
        "an event is told twice", .class,
        "INSERT INTO outbox (type, version, subject, time, correlation_id, causation_id,"
          + " trace_context, data) SELECT type, version, subject, time, correlation_id, causation_id,"
          + " trace_context, data FROM outbox", breaks: .i6),
      Corruption(
        "my page lags behind", .mypage, "UPDATE inquiry_mypage SET payment_status = NULL",
        breaks: .i7),
      Corruption("an alert is not sent", .alert, "UPDATE alert SET status = 'NEW'", breaks: .i7),
      Corruption("an alert is lost", .alert, "DELETE FROM alert", breaks: .i7),
      Corruption("a book is not sent", .course, "DELETE FROM delivery", breaks: .i7),
      Corruption(
        "the wrong book", .course, "UPDATE delivery SET text_book = 'other'", breaks: .i7),
      Corruption(
        "an alert to a stranger", .alert, "UPDATE alert SET recipient = 'stranger'", breaks: .i8),
      Corruption(
        "an event is parked", .mypage,
        "INSERT INTO parked_event (source, sequence, subject, reason, event)"
          + " VALUES ('pay', 1, 'class-1', 'poison', x'00')", breaks: .i9),
    ] + Self.ofSeats + Self.ofRoom + Self.ofChains

  /// The last place of each student in each line.
  private static let lastPlaces =
    "id IN (SELECT max(id) FROM waitlist GROUP BY course_id, student)"

  private static let ofSeats = [
    Corruption(
      "a seat is lost", .class,
      "UPDATE offered_course SET seats_taken = seats_taken + 1 WHERE seats_taken"
        + " < coalesce(capacity, 9)", breaks: .i3),
    Corruption(
      "a line is miscounted", .class, "UPDATE offered_course SET waiting = waiting + 1",
      breaks: .i3),
    Corruption(
      "somebody waits while a seat is free", .class,
      "UPDATE offered_course SET capacity = NULL, waiting = 1 WHERE state = 'OPEN'",
      "INSERT INTO waitlist (id, course_id, student, state, joined_at)"
        + " SELECT 1000 + id, id, 'patient', 'WAITING', 0 FROM offered_course"
        + " WHERE state = 'OPEN'", breaks: .i3),
    Corruption(
      "a canceled course has a line", .class,
      "INSERT INTO waitlist (id, course_id, student, state, joined_at)"
        + " SELECT 1000 + id, id, 'patient', 'WAITING', 0 FROM offered_course"
        + " WHERE state = 'CANCELED'", breaks: .i3),
    Corruption(
      "a place in line is lost", .class, "DELETE FROM waitlist", breaks: .i1),
    Corruption(
      "a place in line is another's", .class, "UPDATE waitlist SET student = student || 'x'",
      breaks: .i1),
    Corruption(
      "who left is in line", .class,
      "UPDATE waitlist SET state = 'WAITING' WHERE state = 'LEFT' AND \(lastPlaces)",
      breaks: .i1),
    Corruption(
      "nobody asked to leave", .class,
      "UPDATE waitlist SET state = 'LEFT', class_id = NULL WHERE state = 'TAKEN'", breaks: .i1),
    Corruption(
      "a seat was not offered before it was taken back", .class,
      "UPDATE waitlist SET state = 'EXPIRED' WHERE state = 'LEFT'", breaks: .i6),
    Corruption(
      "a seat is kept past its time", .class,
      "UPDATE waitlist SET state = 'OFFERED', offer_expires_at = 1, class_id = NULL"
        + " WHERE state NOT IN ('WAITING', 'OFFERED') AND \(lastPlaces)", breaks: .i7),
    Corruption(
      "a seat is another's", .class,
      "UPDATE class SET student = 'thief' WHERE id IN (SELECT class_id FROM waitlist)",
      breaks: .i3),
    Corruption(
      "a student is in line at will", .class,
      "INSERT INTO waitlist (id, course_id, student, state, joined_at)"
        + " SELECT 1000 + id, id, 'stranger', 'LEFT', 0 FROM offered_course", breaks: .i11),
    Corruption(
      "the copy of a course has other seats", .class,
      "UPDATE offered_course SET capacity = coalesce(capacity, 0) + 7", breaks: .i7),
    Corruption(
      "a course has other seats", .course, "UPDATE course SET capacity = coalesce(capacity, 0) + 7",
      breaks: .i1),
    Corruption(
      "a course is canceled no more", .course,
      "UPDATE course SET canceled_at = NULL, canceled_classes = NULL", breaks: .i1),
    Corruption(
      "a course is canceled by nobody", .course, "UPDATE course SET canceled_at = 1",
      breaks: .i1),
    Corruption(
      "a cancellation counts wrong", .course,
      "UPDATE course SET canceled_classes = canceled_classes + 1", breaks: .i7),
    Corruption(
      "a class of a canceled course goes on", .class,
      "UPDATE class SET status = 'REGISTERED' WHERE course_id IN"
        + " (SELECT id FROM offered_course WHERE state = 'CANCELED')", breaks: .i3),
  ]

  private static let ofRoom = [
    Corruption("a waiting ticket is lost", .class, "DELETE FROM waiting_ticket", breaks: .i1),
    Corruption(
      "a waiting ticket is another's", .class, "UPDATE waiting_ticket SET student = 'thief'",
      breaks: .i1),
    Corruption(
      "a waiting ticket that was given up is good", .class, "DROP INDEX good_waiting_ticket",
      "UPDATE waiting_ticket SET state = 'WAITING' WHERE state = 'LEFT'", breaks: .i1),
  ]

  private static let ofChains = [
    Corruption(
      "an event is rewritten", .course, "UPDATE outbox SET causation_id = 'x' WHERE sequence = 2",
      breaks: .i12),
    Corruption(
      "a hash is rewritten", .alert,
      "INSERT INTO outbox (sequence, type, version, subject, time, correlation_id, causation_id,"
        + " trace_context, data, hash) VALUES (1, '', 1, '', 0, '', '', '', x'', zeroblob(32))",
      breaks: .i12),
    Corruption(
      "the last event but one is gone", .pay,
      "DELETE FROM outbox WHERE sequence = (SELECT max(sequence) - 1 FROM outbox)", breaks: .i12),
    Corruption(
      "a line of the points' ledger is rewritten", .point,
      "DROP TRIGGER point_entry_is_not_changed", "UPDATE point_entry SET at = at + 1",
      breaks: .i12),
    Corruption(
      "a line of the gifts' ledger is rewritten", .gift,
      "DROP TRIGGER gift_entry_is_not_changed", "UPDATE gift_entry SET at = at + 1",
      breaks: .i12),
  ]
}
