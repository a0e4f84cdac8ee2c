import Contracts

/// What the services' books say of one class.
struct ClassBooks: Hashable, Sendable {
  let classID: Int64
  var enrollment: EnrollmentV1.Enrollment?
  var payments: [PayV1.Payment] = []
  var deliveries: [CourseV1.Delivery] = []
  var points: [PointV1.Point] = []
  var gifts: [GiftV1.Gift] = []
  var rows: [MypageV1.InquiryMypage] = []

  init(_ classID: Int64) {
    self.classID = classID
  }

  /// What does not agree. While the money is not right nothing else is looked at: it follows.
  ///
  /// - Parameters:
  ///   - now: in microseconds since 1970.
  ///   - limit: for how long a class may be pending, in microseconds.
  func findings(at now: Int64, pendingLimit limit: Int64) -> [Finding] {
    let money = self.moneyFindings(at: now, limit)
    return money.isEmpty ? self.effectFindings() : money
  }

  // MARK: The money (I2)

  private func moneyFindings(at now: Int64, _ limit: Int64) -> [Finding] {
    guard self.payments.count <= 1 else {
      return [self.found(.doublePayment, "\(self.payments.count) payments")]
    }
    let payment = self.payments.first
    switch self.enrollment?.status {
    case "REGISTERED":
      guard let payment else { return [self.found(.unpaidClass, "REGISTERED, no payment")] }
      guard payment.isCaptured else {
        return [self.found(.refundedClass, "REGISTERED, payment \(payment.id) is given back")]
      }
      return self.mismatches(payment)
    case "PENDING":
      let age = now - (self.enrollment?.acceptedAtUs ?? now)
      guard age > limit else { return [] }
      return [self.found(.stalePending, "PENDING for \(age / 1_000_000) s")]
    case let status:
      guard let payment, payment.isCaptured else { return [] }
      let what = status.map { "the class is \($0)" } ?? "there is no such class"
      return [
        self.found(.orphanPayment, "payment \(payment.id) of \(payment.fee) won, and \(what)")
      ]
    }
  }

  private func mismatches(_ payment: PayV1.Payment) -> [Finding] {
    guard let enrollment = self.enrollment else { return [] }
    var differences: [String] = []
    func compare(_ field: String, _ own: some Equatable, _ paid: some Equatable) {
      if "\(own)" != "\(paid)" { differences.append("\(field) \(own), paid \(paid)") }
    }
    compare("fee", enrollment.fee, payment.fee)
    compare("course", enrollment.courseID, payment.courseID)
    compare("student", enrollment.student, payment.student)
    return differences.isEmpty
      ? [] : [self.found(.mismatch, differences.joined(separator: "; "))]
  }

  // MARK: What follows from it (I4, I5, I7)

  private func effectFindings() -> [Finding] {
    guard self.enrollment?.status != "PENDING" else { return [] }
    let paid = self.enrollment?.status == "REGISTERED" ? self.payments.first : nil
    return self.deliveryFindings(paid) + self.pointFindings(paid) + self.giftFindings(paid)
      + self.myPageFindings()
  }

  private func deliveryFindings(_ paid: PayV1.Payment?) -> [Finding] {
    let started = self.deliveries.filter { $0.status == "DELIVERY_START" }
    return self.compare(
      paid.map { $0.textBook.isEmpty ? 0 : $0.id } ?? 0, started.map(\.paymentID),
      missing: .deliveryMissing, left: .deliveryLeft)
  }

  private func pointFindings(_ paid: PayV1.Payment?) -> [Finding] {
    let own = paid.flatMap { paid in self.points.first { $0.paymentID == paid.id } }
    if let own, let paid, own.cashpoint != paid.fee / 100 {
      return [self.found(.pointsMissing, "\(own.cashpoint) points for \(paid.fee) won")]
    }
    let counted = self.points.filter { $0.cashpoint != 0 || $0.paymentID == own?.paymentID }
    return self.compare(
      paid.map { $0.fee > 0 ? $0.id : 0 } ?? 0, counted.map(\.paymentID),
      missing: .pointsMissing, left: .pointsLeft)
  }

  private func giftFindings(_ paid: PayV1.Payment?) -> [Finding] {
    self.compare(
      paid.map { $0.fee > 0 ? $0.id : 0 } ?? 0,
      self.gifts.filter { $0.giftstock != 0 }.map(\.paymentID),
      missing: .giftMissing, left: .giftLeft)
  }

  /// - Parameters:
  ///   - wanted: The payment that there should be one of; 0 for none at all.
  ///   - there: The payments that there is one of each.
  private func compare(
    _ wanted: Int64, _ there: [Int64], missing: Finding.Kind, left: Finding.Kind
  ) -> [Finding] {
    var findings: [Finding] = []
    if wanted != 0, !there.contains(wanted) {
      findings.append(self.found(missing, "none for payment \(wanted)"))
    }
    var others = there
    if let own = others.firstIndex(of: wanted) { others.remove(at: own) }
    if !others.isEmpty {
      let payments = others.map { "\($0)" }.joined(separator: ", ")
      findings.append(self.found(left, "for payment \(payments)"))
    }
    return findings
  }

  /// The row is compared with its sources: what is wrong there is told of there.
  private func myPageFindings() -> [Finding] {
    let isRegistered = self.enrollment?.status == "REGISTERED"
    guard let row = self.rows.first else {
      return isRegistered ? [self.found(.myPageWrong, "no row")] : []
    }
    var wrong: [String] = []
    func check(_ field: String, _ shown: String?, _ source: String?) {
      if shown != source { wrong.append("\(field) \(shown ?? "-"), is \(source ?? "-")") }
    }
    if self.rows.count > 1 { wrong.append("\(self.rows.count) rows") }
    switch self.enrollment?.status {
    case "REGISTERED": check("status", row.status, "CLASS_START")
    case "CANCELED": check("status", row.status, "CLASS_CANCELED")
    default: break
    }
    check(
      "payment", row.paymentStatus,
      self.payments.first.map { $0.isCaptured ? "PAYMENT_COMPLETED" : "PAYMENT_CANCELED" })
    if self.deliveries.count <= 1 {
      check(
        "delivery", row.deliveryStatus,
        self.deliveries.first.map {
          $0.status == "DELIVERY_START" ? "DELIVERY_START" : "DELIVERY_CANCELED"
        })
    }
    check("points", "\(row.cashpoint ?? 0)", "\(self.points.reduce(0) { $0 + $1.cashpoint })")
    check("gifts", "\(row.giftstock ?? 0)", "\(self.gifts.reduce(0) { $0 + $1.giftstock })")
    if isRegistered { check("student", row.student, self.enrollment?.student) }
    return wrong.isEmpty ? [] : [self.found(.myPageWrong, wrong.joined(separator: "; "))]
  }

  private func found(_ kind: Finding.Kind, _ detail: String) -> Finding {
    Finding(classID: self.classID, kind: kind, detail: detail)
  }
}

extension PayV1.Payment {
  /// The money is ours.
  var isCaptured: Bool { self.status == "PAYMENT_COMPLETED" }
}
