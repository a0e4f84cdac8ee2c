import AdaptorTestSupport
import GiftCore
import Kernel
import Testing

/// What can happen to gifts, in whatever order and however often.
enum LedgerStep: Hashable, Sendable {
  case give(payment: Int64)
  case pointCanceled(payment: Int64)
  case modified(class: Int64, student: String, version: Int64)
}

/// Payments with fees at the edges of the tiers, each for the class of its number.
enum LedgerWorld {
  static let fees: [Int64] = [1, 10_000, 10_001, 20_000, 20_001, 30_000, 30_001]
  static let tiers: [Int32] = [1, 1, 2, 2, 3, 3, 4]
  static let payments = Int64(1)...Int64(Self.fees.count)
  static let students = ["kim", "lee", "park"]

  static func tier(_ payment: Int64) -> Int32 { self.tiers[Int(payment - 1)] }

  static func student(_ payment: Int64) -> String { self.students[Int(payment) % 3] }

  static func command(_ payment: Int64) throws -> GiveGift {
    GiveGift(
      paymentID: PaymentID(payment), classID: ClassID(payment),
      fee: try Money(won: self.fees[Int(payment - 1)]), student: self.student(payment))
  }

  /// Each fact one to three times, in an order that only the seed decides.
  static func script(seed: UInt64) -> [LedgerStep] {
    var random = SeededGenerator(seed: seed)
    var steps: [LedgerStep] = []
    func repeated(_ step: LedgerStep) {
      for _ in 0..<Int.random(in: 1...3, using: &random) { steps.append(step) }
    }
    for payment in Self.payments {
      if Int.random(in: 0..<8, using: &random) > 0 { repeated(.give(payment: payment)) }
      if Int.random(in: 0..<2, using: &random) == 0 { repeated(.pointCanceled(payment: payment)) }
      for version in Int64(0)..<Int64.random(in: 0...2, using: &random) {
        let student = Self.students.randomElement(using: &random) ?? ""
        repeated(
          .modified(class: payment, student: student, version: version * 100 + payment + 1))
      }
    }
    return steps.shuffled(using: &random)
  }
}

/// Everything that can be seen of gifts at one moment.
struct LedgerFacts {
  /// One event in words: whether gifts were granted or taken back, and what it says they are.
  struct Told: Hashable {
    let classID: Int64
    let isGrant: Bool
    let giftstock: Int32
  }

  var gifts: [Gift]
  /// The whole ledger, in order.
  var ledger: [PostedGiftEntry]
  var told: [Told]
  /// What the port says that each student has.
  var balances: [String: Int64]

  /// The rules that hold after every step.
  func check(_ note: Comment) {
    for payment in LedgerWorld.payments { self.check(payment, note) }
    #expect(self.ledger.map(\.sequence) == self.ledger.indices.map { Int64($0 + 1) }, note)
    for student in LedgerWorld.students {
      let payments = Set(self.gifts.filter { $0.student == student }.map(\.paymentID))
      let sum = Self.sum(self.ledger.filter { payments.contains($0.entry.paymentID) })
      #expect(self.balances[student] == sum, note)
    }
  }

  private func check(_ payment: Int64, _ note: Comment) {
    let lines = self.ledger.filter { $0.entry.paymentID.value == payment }
    let gifts = self.gifts.filter { $0.paymentID.value == payment }
    let told = self.told.filter { $0.classID == payment }
    let tier = LedgerWorld.tier(payment)
    let sum = Self.sum(lines)

    #expect(sum == 0 || sum == Int64(tier), note)
    #expect(gifts.count <= 1, note)
    let grant = LedgerFacts.Told(classID: payment, isGrant: true, giftstock: tier)
    let revoke = LedgerFacts.Told(classID: payment, isGrant: false, giftstock: 0)
    switch gifts.first?.status {
    case nil:
      #expect(lines.isEmpty && told.isEmpty, note)
    case .granted:
      #expect(lines.map(\.entry.kind) == [.grant] && told == [grant], note)
    case .revoked:
      #expect(lines.map(\.entry.kind) == [.grant, .revoke] && told == [grant, revoke], note)
    }
    #expect(lines.map(\.entry.gifts) == Array([tier, -tier].prefix(lines.count)), note)
    #expect(gifts.allSatisfy { Int64($0.giftstock) == sum }, note)
    #expect(
      lines.allSatisfy { $0.entry.giftID == gifts.first?.id && $0.entry.classID.value == payment },
      note)
  }

  /// Once everything is told, who has the points has the gift, and nobody else.
  func expectOutcome(_ script: [LedgerStep], _ note: Comment) {
    for payment in LedgerWorld.payments {
      let isDue =
        script.contains(.give(payment: payment))
        && !script.contains(.pointCanceled(payment: payment))
      let sum = Self.sum(self.ledger.filter { $0.entry.paymentID.value == payment })
      #expect(sum == (isDue ? Int64(LedgerWorld.tier(payment)) : 0), note)
    }
  }

  static func sum(_ lines: [PostedGiftEntry]) -> Int64 {
    lines.reduce(0) { $0 + Int64($1.entry.gifts) }
  }
}
