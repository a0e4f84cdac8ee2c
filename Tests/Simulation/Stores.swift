import Storage
import SugangServices

/// What all disks hold at the end of a run, read past the code under test.
struct Stores {
  struct Class {
    let id: Int64
    let course: Int64
    let fee: Int64
    let book: String
    let student: String
    let status: String

    var isActive: Bool { self.status == "PENDING" || self.status == "REGISTERED" }
  }

  struct Payment {
    let id: Int64
    let classID: Int64
    let course: Int64
    let fee: Int64
    let student: String
    let book: String
    let status: String

    var isCompleted: Bool { self.status == "PAYMENT_COMPLETED" }
  }

  /// Points, gifts and deliveries: what follows from a payment.
  struct Consequence {
    let payment: Int64
    let classID: Int64
    let student: String
    let status: String
    /// Points, gifts, or nothing to count.
    let amount: Int64
    var book = ""
  }

  /// A line of a ledger.
  struct Entry {
    let payment: Int64
    let kind: String
    let amount: Int64
  }

  /// A course as Course keeps it, and as Enrollment's copy has it.
  struct Course {
    let fee: Int64
    let book: String
    let capacity: Int64?
    let maxPerStudent: Int64
    let isCanceled: Bool
    let canceledClasses: Int64?
  }

  struct OfferedCourse {
    let id: Int64
    let fee: Int64?
    let book: String?
    let capacity: Int64?
    let maxPerStudent: Int64
    let seatsTaken: Int64
    let state: String
    let classesToCancel: Int64?
  }

  /// A place in line for a course.
  struct Place {
    let id: Int64
    let course: Int64
    let student: String
    let state: String
    let offerExpiresAt: Int64?
    let classID: Int64?

    var isLive: Bool { self.state == "WAITING" || self.state == "OFFERED" }
  }

  /// A ticket of the waiting room.
  struct Ticket {
    let token: String
    let student: String
    let state: String
  }

  struct Event {
    let source: ServiceName
    let sequence: Int64
    let type: String
    let subject: String
    let cause: String
    let data: [UInt8]
  }

  struct Alert: Hashable {
    let eventID: String
    let recipient: String
    let channel: String
    let type: String
    let status: String
  }

  let classes: [Class]
  let classByID: [Int64: Class]
  let payments: [Payment]
  let paymentByID: [Int64: Payment]
  let paymentByClass: [Int64: Payment]
  let points: [Consequence]
  let gifts: [Consequence]
  let pointEntries: [Entry]
  let giftEntries: [Entry]
  let deliveries: [Consequence]
  let revokedPayments: Set<Int64>
  let courses: [Int64: Course]
  let offeredCourses: [OfferedCourse]
  let closedCourses: Set<Int64>
  let places: [Place]
  let tickets: [Ticket]
  let pages: [Int64: [SQLValue]]
  let alerts: [Alert]
  let events: [Event]
  /// Parked events and rows of the inbox above the cursor, by service.
  let leftovers: [(ServiceName, String, Int64)]

  static let pageColumns = [
    "course_id", "fee", "student", "text_book", "status", "payment_id", "payment_status",
    "delivery_status", "point_status", "cashpoint", "giftstock",
  ]

  init(_ world: World) throws {
    func rows(_ name: ServiceName, _ query: String) throws -> [SQLRow] {
      try world.node(name).store.read { try $0.rows(query) }
    }
    self.classes = try rows(
      .class, "SELECT id, course_id, fee, text_book, student, status FROM class ORDER BY id"
    ).map {
      Class(
        id: $0.integer(0), course: $0.integer(1), fee: $0.integer(2), book: $0.text(3),
        student: $0.text(4), status: $0.text(5))
    }
    self.classByID = Dictionary(self.classes.map { ($0.id, $0) }) { first, _ in first }
    self.offeredCourses = try rows(
      .class,
      "SELECT id, fee, text_book, capacity, max_per_student, seats_taken, state, classes_to_cancel"
        + " FROM offered_course ORDER BY id"
    ).map {
      OfferedCourse(
        id: $0.integer(0), fee: $0.optionalInteger(1), book: $0.optionalText(2),
        capacity: $0.optionalInteger(3), maxPerStudent: $0.integer(4), seatsTaken: $0.integer(5),
        state: $0.text(6), classesToCancel: $0.optionalInteger(7))
    }
    self.closedCourses = Set(self.offeredCourses.filter { $0.state != "OPEN" }.map(\.id))
    self.places = try rows(
      .class,
      "SELECT id, course_id, student, state, offer_expires_at, class_id FROM waitlist ORDER BY id"
    ).map {
      Place(
        id: $0.integer(0), course: $0.integer(1), student: $0.text(2), state: $0.text(3),
        offerExpiresAt: $0.optionalInteger(4), classID: $0.optionalInteger(5))
    }
    self.tickets = try rows(
      .class, "SELECT token, student, state FROM waiting_ticket ORDER BY abs(sequence)"
    ).map { Ticket(token: $0.text(0), student: $0.text(1), state: $0.text(2)) }
    self.payments = try rows(
      .pay,
      "SELECT id, class_id, course_id, fee, student, text_book, status FROM payment ORDER BY id"
    ).map {
      Payment(
        id: $0.integer(0), classID: $0.integer(1), course: $0.integer(2), fee: $0.integer(3),
        student: $0.text(4), book: $0.text(5), status: $0.text(6))
    }
    self.paymentByID = Dictionary(self.payments.map { ($0.id, $0) }) { first, _ in first }
    self.paymentByClass = Dictionary(self.payments.map { ($0.classID, $0) }) { first, _ in first }
    self.points = try rows(
      .point, "SELECT payment_id, class_id, student, status, cashpoint FROM point ORDER BY id"
    ).map(Consequence.init(row:))
    self.gifts = try rows(
      .gift, "SELECT payment_id, class_id, student, status, giftstock FROM gift ORDER BY id"
    ).map(Consequence.init(row:))
    self.pointEntries = try rows(
      .point, "SELECT payment_id, kind, points FROM point_entry ORDER BY sequence"
    ).map { Entry(payment: $0.integer(0), kind: $0.text(1), amount: $0.integer(2)) }
    self.giftEntries = try rows(
      .gift, "SELECT payment_id, kind, gifts FROM gift_entry ORDER BY sequence"
    ).map { Entry(payment: $0.integer(0), kind: $0.text(1), amount: $0.integer(2)) }
    self.revokedPayments = Set(
      try rows(.gift, "SELECT payment_id FROM revoked_payment").map { $0.integer(0) })
    self.deliveries = try rows(
      .course,
      "SELECT payment_id, class_id, student, status, 0, text_book FROM delivery ORDER BY id"
    ).map { row in
      var delivery = Consequence(row: row)
      delivery.book = row.text(5)
      return delivery
    }
    self.courses = Dictionary(
      try rows(
        .course,
        "SELECT id, fee, text_book, capacity, max_per_student, canceled_at, canceled_classes"
          + " FROM course"
      ).map { row in
        (
          row.integer(0),
          Course(
            fee: row.integer(1), book: row.text(2), capacity: row.optionalInteger(3),
            maxPerStudent: row.integer(4), isCanceled: row.optionalInteger(5) != nil,
            canceledClasses: row.optionalInteger(6))
        )
      }
    ) { first, _ in first }
    let columns = Self.pageColumns
    self.pages = Dictionary(
      try rows(.mypage, "SELECT class_id, \(columns.joined(separator: ", ")) FROM inquiry_mypage")
        .map { row in (row.integer(0), columns.indices.map { row[$0 + 1] }) }
    ) { first, _ in first }
    self.alerts = try rows(
      .alert, "SELECT event_id, recipient, channel, event_type, status FROM alert ORDER BY id"
    ).map {
      Alert(
        eventID: $0.text(0), recipient: $0.text(1), channel: $0.text(2), type: $0.text(3),
        status: $0.text(4))
    }
    self.events = try world.nodes.flatMap { node in
      try rows(
        node.name,
        "SELECT sequence, type, subject, causation_id, data FROM outbox ORDER BY sequence"
      ).map {
        Event(
          source: node.name, sequence: $0.integer(0), type: $0.text(1), subject: $0.text(2),
          cause: $0.text(3), data: $0.blob(4))
      }
    }
    self.leftovers = try world.nodes.flatMap { node in
      try ["parked_event", "inbox"].map { table in
        let count = try rows(node.name, "SELECT count(*) FROM \(table)")[0].integer(0)
        return (node.name, table, count)
      }
    }
  }
}

extension Stores.Consequence {
  fileprivate init(row: SQLRow) {
    self.init(
      payment: row.integer(0), classID: row.integer(1), student: row.text(2),
      status: row.text(3), amount: row.integer(4))
  }
}
