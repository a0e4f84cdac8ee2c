import Kernel

/// The points a student gets for one payment. At most one grant a payment (trap T10).
package struct Point: Hashable, Sendable {
  /// Won for one point. What was granted is taken back at this rate too, so a new rate would need
  /// the old one kept with the points.
  package static let wonPerPoint: Int64 = 100

  package enum Status: String, Hashable, Sendable, CaseIterable {
    /// Earned, and hidden until the gift is given too: both or neither (R13).
    case pending = "PENDING"
    case granted = "GRANTED"
    case canceled = "CANCELED"
  }

  package let id: PointID
  package private(set) var paid: PaidFee
  package private(set) var status: Status

  package init(id: PointID, paid: PaidFee, status: Status) {
    self.id = id
    self.paid = paid
    self.status = status
  }

  /// What the payment is worth in points: a hundredth of its fee, rounded down (trap T40).
  ///
  /// Rounded once, over the whole fee: up to 99 won of each payment earn nothing, and are not
  /// carried to another one. A cancellation takes back this number and divides nothing anew, so it
  /// leaves exactly 0. Payments are given back whole; one that was not would keep what the won that
  /// stay are worth, rounded down the same way.
  package var earned: Int64 { self.paid.fee.won / Point.wonPerPoint }

  /// The sum of the ledger's entries for the payment, once the points are granted or canceled: what
  /// was earned, and 0 when it was taken back or never granted. While they are pending there is no
  /// entry, and this is what will be earned.
  package var cashpoint: Int64 { self.status == .canceled ? 0 : self.earned }

  /// The class has another student.
  package mutating func correct(student: String) {
    self.paid = self.paid.by(student)
  }

  /// The gift is given, so the points are too.
  ///
  /// - Returns: What happened, or nil when the points were not pending.
  package mutating func grant() -> PointRegistered? {
    guard self.status == .pending else { return nil }
    self.status = .granted
    return PointRegistered(point: self)
  }

  /// - Returns: What happened, or nil when they were canceled before (trap T15).
  package mutating func cancel() -> PointCanceled? {
    guard self.status != .canceled else { return nil }
    let wasGranted = self.status == .granted
    self.status = .canceled
    return PointCanceled(point: self, wasGranted: wasGranted)
  }
}

/// The payment that points are granted for.
package struct PaidFee: Hashable, Sendable {
  package let paymentID: PaymentID
  package let classID: ClassID
  package let fee: Money
  package let student: String

  package init(paymentID: PaymentID, classID: ClassID, fee: Money, student: String) {
    self.paymentID = paymentID
    self.classID = classID
    self.fee = fee
    self.student = student
  }

  /// The same fee for another student.
  package func by(_ student: String) -> PaidFee {
    PaidFee(
      paymentID: self.paymentID, classID: self.classID, fee: self.fee, student: student)
  }
}
