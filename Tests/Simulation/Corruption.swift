import Storage
import SugangServices

/// Damage done to the disks after a run, to see that the checker notices it.
package struct Corruption: Sendable {
  package let name: String
  let service: ServiceName
  let statement: String
  /// What must be noticed.
  package let breaks: Invariant

  init(_ name: String, _ service: ServiceName, _ statement: String, breaks: Invariant) {
    self.name = name
    self.service = service
    self.statement = statement
    self.breaks = breaks
  }

  func apply(to world: World) throws {
    let statement = self.statement
    for result in try world.node(self.service).store.commit([{ try $0.execute(statement) }]) {
      try result.get()
    }
  }

  /// Of everything that the invariants speak of, something.
  package static let all = [
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
  ]
}
