import CourseCore
import EnrollmentCore
import Kernel
import PayCore
import SugangServices

/// Looks for what must not be: the invariants over what the users were told and what is on the disks.
///
/// It knows the rules of the system, and shares no code with it but the messages of the events and
/// what `sugang verify` walks the chains with. What must hold at every moment is looked at while the
/// run goes on: by ``SeatWatch``, and I10 by ``World/begins(_:)``.
struct Checker: ViolationNoter {
  private let stores: Stores
  private let history: History
  /// Those that somebody asked to end.
  private let endedClasses: Set<ClassID>
  /// Those whose teacher asked to end them.
  private let canceledCourses: Set<CourseID>
  var violations: [Violation] = []

  static func violations(of world: World) -> [Violation] {
    do {
      var checker = Checker(try Stores(world), world.history)
      checker.check()
      return try checker.violations + SeatChecker.violations(in: checker.stores, of: world)
        + RoomChecker.violations(in: checker.stores, of: world)
        + DoorChecker.violations(of: world)
        + ChainChecker.violations(of: world) + MarkChecker.violations(of: world)
    } catch {
      return [Violation(.i11, "the stores cannot be read: \(error)")]
    }
  }

  private init(_ stores: Stores, _ history: History) {
    self.stores = stores
    self.history = history
    self.endedClasses = Set(history.cancels.map(\.target) + history.refunds.map(\.target))
    self.canceledCourses = Set(history.cancellations.map(\.target))
  }

  private mutating func check() {
    self.checkAcknowledged()
    self.checkMoney()
    self.checkPlaces()
    self.checkPoints()
    self.checkGifts()
    self.checkDeliveries()
    self.checkPrivacy()
    self.checkRefusals()
    self.violations += LogChecker.violations(in: self.stores)
    self.violations += ViewChecker.violations(in: self.stores)
    for (name, table, count) in self.stores.leftovers where count > 0 {
      self.fail(.i9, "\(count) rows stay in \(table) of \(name.rawValue)")
    }
  }

  private mutating func fail(_ invariant: Invariant, _ what: String) {
    self.violations.append(Violation(invariant, what))
  }

  private func classRow(_ id: ClassID) -> Stores.Class? {
    self.stores.classByID[id.value]
  }

  // MARK: I1

  private mutating func checkAcknowledged() {
    self.checkCourses()
    self.checkEnrollments()
    for cancel in self.history.cancels where cancel.told.answer != nil {
      let status = self.classRow(cancel.target)?.status
      self.expect(
        status == "CANCELED", .i1, "class \(cancel.target), told canceled, is \(status ?? "gone")")
    }
    for refund in self.history.refunds where refund.told.answer != nil {
      let payment = self.stores.paymentByClass[refund.target.value]
      self.expect(
        payment?.status == "CANCEL", .i1,
        "the payment of class \(refund.target), told given back, is \(payment?.status ?? "gone")")
    }
    for change in self.history.changes {
      guard let told = change.told.answer else { continue }
      // Each class is changed once in a run, so that the name is the last one.
      let student = self.classRow(change.target)?.student
      self.expect(
        student == told.student, .i1,
        "class \(change.target), told \(told.student), has \(student ?? "nobody")")
    }
  }

  private mutating func checkCourses() {
    for intent in self.history.courses {
      let answers = intent.attempts.compactMap(\.told.answer)
      guard let course = answers.first else { continue }
      self.expect(
        Set(answers.map(\.id)).count == 1, .i1, "course \(course.id) was registered twice")
      let deletions = self.history.deletions.filter { $0.target == course.id }
      if deletions.contains(where: { $0.told.answer != nil }) {
        self.expect(
          self.stores.courses[course.id.value] == nil, .i1,
          "course \(course.id), told deleted, is there")
      } else if !deletions.contains(where: \.told.isInDoubt) {
        self.expect(
          self.stores.courses[course.id.value] != nil, .i1, "course \(course.id) is gone")
      }
      if deletions.isEmpty { self.checkLastChange(of: course, intent) }
    }
  }

  /// The course is as its teacher was told last; who was told nothing does not know.
  private mutating func checkLastChange(of course: Course, _ intent: CourseIntent) {
    guard !intent.changes.contains(where: \.told.isInDoubt),
      let row = self.stores.courses[course.id.value]
    else { return }
    let told = intent.changes.compactMap(\.told.answer).last ?? course
    self.expect(
      row.fee == told.details.fee.won && row.book == told.details.textBook
        && row.capacity == told.details.seats.capacity
        && row.maxPerStudent == told.details.seats.maxPerStudent, .i1,
      "course \(course.id) is \(row), its teacher was told \(told.details)")
  }

  private mutating func checkEnrollments() {
    for intent in self.history.enrollments {
      let answers = intent.attempts.compactMap(\.told.answer)
      self.expect(
        intent.key == nil || Set(answers.map(\.id)).count < 2, .i1,
        "one key of \(intent.student) has two classes")
      for answer in answers { self.check(answer) }
    }
  }

  /// A class as its student was told of it.
  private mutating func check(_ answer: Enrollment) {
    guard let row = self.classRow(answer.id) else {
      return self.fail(.i1, "class \(answer.id), told \(answer.status.rawValue), is gone")
    }
    self.expect(
      row.course == answer.courseID.value && row.fee == answer.terms.fee.won
        && row.book == answer.terms.textBook, .i1, "class \(answer.id) has other terms")
    let mayHaveEnded =
      self.endedClasses.contains(answer.id) || self.canceledCourses.contains(answer.courseID)
    if answer.status == .registered, !mayHaveEnded {
      self.expect(
        row.status == "REGISTERED", .i1, "class \(answer.id), told registered, is \(row.status)")
    }
  }

  // MARK: I2

  private mutating func checkMoney() {
    for row in self.stores.classes {
      let payment = self.stores.paymentByClass[row.id]
      let money = payment?.status ?? "none"
      let agrees =
        switch row.status {
        case "REGISTERED": payment?.isCompleted == true
        case "CANCELED", "PAYMENT_FAILED": payment?.isCompleted != true
        default: false
        }
      self.expect(agrees, .i2, "class \(row.id) is \(row.status), its payment \(money)")
      guard let payment else { continue }
      self.expect(
        payment.course == row.course && payment.fee == row.fee && payment.book == row.book, .i2,
        "payment \(payment.id) is on other terms than its class \(row.id)")
      self.expect(
        payment.student == row.student, .i2,
        "payment \(payment.id) is of \(payment.student), its class of \(row.student)")
      self.expect(
        payment.fee <= World.payLimitWon, .i2, "payment \(payment.id) is over the limit")
    }
    for payment in self.stores.payments where self.stores.classByID[payment.classID] == nil {
      self.fail(.i2, "payment \(payment.id) has no class")
    }
    let paid = self.stores.payments.filter(\.isCompleted).reduce(0) { $0 + $1.fee }
    let owed = self.stores.classes.filter { $0.status == "REGISTERED" }.reduce(0) { $0 + $1.fee }
    self.expect(paid == owed, .i2, "\(paid) won were kept, classes cost \(owed)")
  }

  // MARK: I3

  private mutating func checkPlaces() {
    let limits = Dictionary(
      self.history.courses.compactMap { intent in
        intent.course.map { ($0.id.value, intent.maxPerStudent) }
      }
    ) { first, _ in first }
    let active = Dictionary(grouping: self.stores.classes.filter(\.isActive)) {
      "\($0.course) \($0.student)"
    }
    for (place, rows) in active {
      guard let most = limits[rows[0].course, default: 1], rows.count > most else { continue }
      self.fail(.i3, "\(rows.count) classes, of \(most) allowed, in course \(place)")
    }
    for row in self.stores.classes where row.isActive {
      self.expect(
        !self.stores.closedCourses.contains(row.course), .i3,
        "class \(row.id) is of course \(row.course), which is closed")
    }
    // A wish with a key is one class at most, any other one class a request.
    var wishes: [String: Int] = [:]
    for intent in self.history.enrollments {
      wishes["\(intent.courseID) \(intent.student)", default: 0] +=
        intent.key == nil ? intent.attempts.count : 1
    }
    let made = Dictionary(grouping: self.stores.classes) { row in
      "\(row.course) \(row.student.prefix { $0 != "+" })"
    }
    for (place, rows) in made where rows.count > wishes[place, default: 0] {
      self.fail(.i3, "\(rows.count) classes of \(wishes[place, default: 0]) wishes: \(place)")
    }
  }

  // MARK: I4, I5, and the books

  private mutating func checkPoints() {
    self.checkConsequences(
      self.stores.points, .i4, "points", ("GRANTED", "CANCELED"), of: { $0.fee > 0 },
      amount: { $0.isCompleted ? $0.fee / 100 : 0 })
    self.checkLedger(self.stores.pointEntries, .i4, "points") {
      $0.isCompleted ? $0.fee / 100 : 0
    }
  }

  /// Each payment has at most a line of each kind, and they come to what is due.
  private mutating func checkLedger(
    _ entries: [Stores.Entry], _ invariant: Invariant, _ what: String,
    _ amount: (Stores.Payment) -> Int64
  ) {
    let ofPayment = Dictionary(grouping: entries, by: \.payment)
    for entry in entries where self.stores.paymentByID[entry.payment] == nil {
      self.fail(
        invariant, "the ledger has \(what) for payment \(entry.payment), which there is not")
    }
    for payment in self.stores.payments {
      let own = ofPayment[payment.id] ?? []
      self.expect(
        Set(own.map(\.kind)).count == own.count, invariant,
        "the ledger has \(what) for payment \(payment.id) twice")
      let sum = own.reduce(0) { $0 + $1.amount }
      self.expect(
        sum == amount(payment), invariant,
        "the ledger has \(sum) \(what) for payment \(payment.id), \(payment.status)")
    }
  }

  private mutating func checkGifts() {
    func gifts(_ payment: Stores.Payment) -> Int64 {
      guard payment.isCompleted else { return 0 }
      if payment.fee == 0 { return 0 }
      return payment.fee <= 10_000 ? 1 : payment.fee <= 20_000 ? 2 : payment.fee <= 30_000 ? 3 : 4
    }
    let given = Set(self.stores.gifts.map(\.payment))
    let stores = self.stores
    // A gift that was revoked before it could be given is not there.
    self.checkConsequences(
      stores.gifts, .i5, "gifts", ("GRANTED", "REVOKED"),
      of: {
        $0.fee > 0
          && ($0.isCompleted || !stores.revokedPayments.contains($0.id) || given.contains($0.id))
      }, amount: gifts)
    self.checkLedger(stores.giftEntries, .i5, "gifts", gifts)
  }

  private mutating func checkDeliveries() {
    self.checkConsequences(
      self.stores.deliveries, .i7, "deliveries", ("DELIVERY_START", "DELIVERY_CANCEL"),
      of: { !$0.book.isEmpty }, amount: { _ in 0 })
    for delivery in self.stores.deliveries {
      let payment = self.stores.paymentByID[delivery.payment]
      self.expect(
        payment?.book == delivery.book, .i7,
        "the book of payment \(delivery.payment) is \(delivery.book)")
    }
  }

  /// Each payment that is due one has exactly one, in the state and of the size it should be.
  private mutating func checkConsequences(
    _ consequences: [Stores.Consequence], _ invariant: Invariant, _ what: String,
    _ states: (done: String, undone: String), of isDue: (Stores.Payment) -> Bool,
    amount: (Stores.Payment) -> Int64
  ) {
    for one in consequences where self.stores.paymentByID[one.payment] == nil {
      self.fail(invariant, "\(what) for payment \(one.payment), which there is not")
    }
    let ofPayment = Dictionary(grouping: consequences, by: \.payment)
    for payment in self.stores.payments {
      let own = ofPayment[payment.id] ?? []
      self.expect(
        own.count == (isDue(payment) ? 1 : 0), invariant,
        "\(own.count) \(what) for payment \(payment.id), \(payment.status)")
      guard let one = own.first else { continue }
      let state = payment.isCompleted ? states.done : states.undone
      self.expect(
        one.status == state, invariant,
        "\(what) for payment \(payment.id), \(payment.status), are \(one.status)")
      self.expect(
        one.amount == amount(payment), invariant,
        "\(what) for payment \(payment.id), \(payment.status), count \(one.amount)")
      let student = self.stores.classByID[payment.classID]?.student
      self.expect(
        one.classID == payment.classID && one.student == student, invariant,
        "\(what) for payment \(payment.id) are of \(one.student), class \(one.classID)")
    }
  }

  // MARK: I8

  private mutating func checkPrivacy() {
    for intent in self.history.enrollments {
      for answer in intent.attempts.compactMap(\.told.answer) {
        self.expect(
          answer.student.hasPrefix(intent.student) && answer.courseID == intent.courseID, .i8,
          "\(intent.student) was told of class \(answer.id) of \(answer.student)")
      }
    }
    for attempt in self.history.readings + self.history.changes {
      guard let answer = attempt.told.answer else { continue }
      self.expect(answer.id == attempt.target, .i8, "\(attempt.target) was answered \(answer.id)")
    }
    for attempt in self.history.statements {
      self.expect(
        attempt.told.answer?.allSatisfy { $0.classID == attempt.target } ?? true, .i8,
        "\(attempt.target) was answered another's payments")
    }
    for attempt in self.history.refunds {
      guard let answer = attempt.told.answer else { continue }
      self.expect(
        answer.classID == attempt.target, .i8, "\(attempt.target) was answered \(answer.classID)")
    }
  }

  // MARK: I11

  /// What refuses an enrollment for good.
  private static let refusals: Set<String> = [
    "already-enrolled", "course-closed", "fee-mismatch", "not-found", "validation-failed",
    "idempotency-key-reused", "idempotency-in-progress", "course-full",
    "waiting-room", "waiting-ticket-used", "waiting-ticket-expired", "waiting-ticket-left",
    "waiting-ticket-in-use",
  ]

  private mutating func checkRefusals() {
    let registered = Set(
      self.stores.events.filter { $0.type == "ClassRegistered" }.map(\.cause))
    for intent in self.history.enrollments {
      for (requestID, told) in intent.attempts {
        guard let code = told.code else { continue }
        if Self.refusals.contains(code) {
          self.expect(
            !registered.contains(requestID), .i11, "\(requestID), refused by \(code), registered")
        } else {
          self.expect(
            ["payment-declined", "class-canceled"].contains(code), .i11,
            "\(requestID) was refused by \(code)")
        }
      }
    }
  }
}
