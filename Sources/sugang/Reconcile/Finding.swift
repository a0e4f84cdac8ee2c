import Contracts

/// Something about one class that the services' books do not agree on.
struct Finding: Hashable, Sendable {
  enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The money was taken, and nobody is in for it.
    case orphanPayment = "orphan-payment"
    case unpaidClass = "unpaid-class"
    /// Somebody is in whose money was given back.
    case refundedClass = "refunded-class"
    case stalePending = "stale-pending"
    case doublePayment = "double-payment"
    /// Class and payment are of another fee, course or student.
    case mismatch
    case deliveryMissing = "delivery-missing"
    case deliveryLeft = "delivery-left"
    case pointsMissing = "points-missing"
    case pointsLeft = "points-left"
    case giftMissing = "gift-missing"
    case giftLeft = "gift-left"
    case myPageWrong = "my-page-wrong"
  }

  let classID: Int64
  let kind: Kind
  let detail: String
}

/// What mends a finding. Each may be done twice.
enum Repair: String, Hashable, Sendable {
  /// Pay gives the money back. Nobody loses anything: nobody is in for it.
  case refund
  /// Enrollment asks Pay by the key of the class, which takes the money at most once and on the
  /// terms that the student accepted; a class whose payment is declined is over.
  case settle
  /// Pay tells once more where the money is: who has not heard, or has lost it, does now what
  /// follows, up to canceling a class whose money was given back.
  case tellPayment = "tell-payment"
  /// Enrollment tells once more what the class is.
  case tellClass = "tell-class"
  /// Gift is asked by the key of the payment, which gives at most once, and never what was taken
  /// back: Point does not ask again for points that it has granted.
  case giveGift = "give-gift"

  /// - Returns: Nothing for what a person has to look at.
  static func of(_ finding: Finding, in books: ClassBooks) -> [Repair] {
    switch finding.kind {
    case .orphanPayment: books.enrollment == nil ? [.refund] : [.refund, .tellClass]
    // What follows from a payment is there: Pay has lost one, and would take the money again.
    case .unpaidClass: books.hasEffects ? [] : [.settle]
    case .refundedClass: [.tellPayment]
    case .stalePending: [.settle]
    case .doublePayment, .mismatch: []
    case .giftMissing: books.payments.isEmpty ? [] : [.tellPayment, .giveGift]
    case .deliveryMissing, .deliveryLeft, .pointsMissing, .pointsLeft, .giftLeft:
      books.payments.isEmpty ? [] : [.tellPayment]
    case .myPageWrong:
      (books.enrollment == nil ? [] : [.tellClass])
        + (books.payments.isEmpty ? [] : [.tellPayment])
    }
  }
}

extension ClassBooks {
  var hasEffects: Bool {
    !self.deliveries.isEmpty || !self.points.isEmpty || !self.gifts.isEmpty
  }
}

/// The money of the system, in won.
struct MoneyTotals: Hashable, Sendable {
  var classes: Int64 = 0
  /// Payments that were not given back.
  var captured: Int64 = 0
  var refunded: Int64 = 0
  /// Fees of the REGISTERED classes.
  var registered: Int64 = 0
  /// Payments of PENDING classes.
  var pending: Int64 = 0

  var balances: Bool { self.captured == self.registered + self.pending }

  mutating func add(_ books: ClassBooks) {
    if books.enrollment != nil { self.classes += 1 }
    let captured = books.payments.filter(\.isCaptured).reduce(0) { $0 + $1.fee }
    self.captured += captured
    self.refunded += books.payments.filter { !$0.isCaptured }.reduce(0) { $0 + $1.fee }
    switch books.enrollment?.status {
    case "REGISTERED": self.registered += books.enrollment?.fee ?? 0
    case "PENDING": self.pending += captured
    default: break
    }
  }
}
