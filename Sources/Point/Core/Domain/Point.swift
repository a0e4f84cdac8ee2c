import Kernel

/// The points a student gets for one payment. At most one grant a payment (trap T10).
package struct Point: Hashable, Sendable {
  /// Won for one point.
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

  /// A hundredth of the fee, a broken point dropped (trap T40); none once the points are canceled.
  package var cashpoint: Int64 {
    self.status == .canceled ? 0 : self.paid.fee.won / Point.wonPerPoint
  }

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
    self.status = .canceled
    return PointCanceled(point: self)
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
