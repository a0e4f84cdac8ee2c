import AdaptorTestSupport
import Kernel
import PointCore
import Testing

/// What can happen to points, in whatever order and however often.
enum LedgerStep: Hashable, Sendable {
  case approved(payment: Int64)
  case canceled(payment: Int64)
  case modified(class: Int64, student: String, version: Int64)
  /// Gift is asked for all pending points and answers by payment; while it thinks about the payment
  /// `during`, that payment is given back.
  case settle(answers: [Int64: GiftAnswer], during: Int64?)
}

/// Payments with fees at the edges of rounding, each for the class of its number.
enum LedgerWorld {
  static let fees: [Int64] = [1, 99, 100, 10_000, 10_099, 30_001, 1_000_000_000]
  static let payments = Int64(1)...Int64(Self.fees.count)
  static let students = ["kim", "lee", "park"]

  static func fee(_ payment: Int64) -> Int64 { self.fees[Int(payment - 1)] }

  static func paid(_ payment: Int64) throws -> PaidFee {
    PaidFee(
      paymentID: PaymentID(payment), classID: ClassID(payment),
      fee: try Money(won: Self.fee(payment)), student: Self.students[Int(payment) % 3])
  }

  /// Each fact one to three times, in an order that only the seed decides, with questions to Gift in
  /// between.
  static func script(seed: UInt64) -> [LedgerStep] {
    var random = SeededGenerator(seed: seed)
    var steps: [LedgerStep] = []
    func repeated(_ step: LedgerStep) {
      for _ in 0..<Int.random(in: 1...3, using: &random) { steps.append(step) }
    }
    for payment in Self.payments {
      if Int.random(in: 0..<8, using: &random) > 0 { repeated(.approved(payment: payment)) }
      if Int.random(in: 0..<3, using: &random) == 0 { repeated(.canceled(payment: payment)) }
      for version in Int64(0)..<Int64.random(in: 0...2, using: &random) {
        let student = Self.students.randomElement(using: &random) ?? ""
        repeated(
          .modified(class: payment, student: student, version: version * 100 + payment + 1))
      }
    }
    for _ in 0..<8 { steps.append(Self.settle(&random)) }
    return steps.shuffled(using: &random)
  }

  private static func settle(_ random: inout SeededGenerator) -> LedgerStep {
    var answers: [Int64: GiftAnswer] = [:]
    for payment in Self.payments {
      answers[payment] =
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .revoked
        case 1...3: .unknown(reason: "a timeout")
        default: .given
        }
    }
    let during = Bool.random(using: &random) ? Self.payments.randomElement(using: &random) : nil
    return .settle(answers: answers, during: during)
  }

  /// Everything is told that was not, and Gift gives what it is asked for.
  static let healing: LedgerStep = .settle(answers: [:], during: nil)
}

/// Everything that can be seen of points at one moment.
struct LedgerFacts {
  /// One event in words: whether points were granted or canceled, and what it says they are.
  struct Told: Hashable {
    let payment: Int64
    let isGrant: Bool
    let cashpoint: Int64
  }

  /// Pending ones too.
  var points: [Point]
  /// The whole ledger, in order.
  var ledger: [PostedPointEntry]
  var told: [Told]
  /// What the port says that each student has.
  var balances: [String: Int64]

  /// The rules that hold after every step.
  func check(_ note: Comment) {
    for payment in LedgerWorld.payments { self.check(payment, note) }
    #expect(self.ledger.map(\.sequence) == self.ledger.indices.map { Int64($0 + 1) }, note)
    for student in LedgerWorld.students {
      let payments = Set(
        self.points.filter { $0.paid.student == student }.map(\.paid.paymentID))
      let sum = Self.sum(self.ledger.filter { payments.contains($0.entry.paymentID) })
      #expect(self.balances[student] == sum, note)
    }
  }

  private func check(_ payment: Int64, _ note: Comment) {
    let lines = self.ledger.filter { $0.entry.paymentID.value == payment }
    let points = self.points.filter { $0.paid.paymentID.value == payment }
    let told = self.told.filter { $0.payment == payment }
    let earned = LedgerWorld.fee(payment) / 100
    let sum = Self.sum(lines)

    #expect(sum == 0 || sum == earned, note)
    let wasGranted = lines.contains { $0.entry.kind == .earn }
    let isReversed = lines.contains { $0.entry.kind == .reverse }
    #expect(
      lines.map(\.entry.kind) == (wasGranted ? [.earn] : []) + (isReversed ? [.reverse] : []),
      note)
    #expect(lines.map(\.entry.points) == Array([earned, -earned].prefix(lines.count)), note)
    #expect(!isReversed || wasGranted, note)

    #expect(points.count <= 1, note)
    #expect(
      lines.allSatisfy {
        $0.entry.pointID == points.first?.id && $0.entry.classID.value == payment
      },
      note)
    switch points.first?.status {
    // R13: no entry until the gift is given.
    case nil, .pending: #expect(lines.isEmpty && told.isEmpty, note)
    case .granted: #expect(wasGranted && !isReversed && points[0].cashpoint == sum, note)
    case .canceled: #expect(isReversed == wasGranted && points[0].cashpoint == sum, note)
    }

    // The events say what the ledger says, and that points were canceled that nobody ever had.
    let grant = LedgerFacts.Told(payment: payment, isGrant: true, cashpoint: earned)
    let cancel = LedgerFacts.Told(payment: payment, isGrant: false, cashpoint: 0)
    let isCanceled = points.first?.status == .canceled
    #expect(told == (wasGranted ? [grant] : []) + (isCanceled ? [cancel] : []), note)
  }

  static func sum(_ lines: [PostedPointEntry]) -> Int64 {
    lines.reduce(0) { $0 + $1.entry.points }
  }
}

/// Gift that answers as it is told for each payment, and gives where nothing is said.
struct AnsweringGiftGateway: GiftGateway {
  let answers: [Int64: GiftAnswer]
  let thinking: @Sendable (PaidFee) async -> Void

  func give(_ paid: PaidFee, because cause: Cause) async -> GiftAnswer {
    await self.thinking(paid)
    return self.answers[paid.paymentID.value] ?? .given
  }
}
