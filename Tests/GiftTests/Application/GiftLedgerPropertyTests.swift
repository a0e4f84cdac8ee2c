import GiftCore
import Kernel
import Testing

@Suite("The ledger of gifts in every order of what happens")
struct GiftLedgerPropertyTests {
  @Test(
    "T11, T39, T41, T42: per payment one grant at most, one revocation of exactly that, and the books balance",
    arguments: 0..<10)
  func anyOrder(_ block: UInt64) async throws {
    for seed in block * 60..<(block + 1) * 60 {
      let store = InMemoryGiftStore()
      let script = LedgerWorld.script(seed: seed)
      for step in script {
        try await self.take(step, store)
        try await self.facts(store).check("seed \(seed), after \(step)")
      }
      try await self.facts(store).expectOutcome(script, "seed \(seed)")
    }
  }

  private func take(_ step: LedgerStep, _ store: InMemoryGiftStore) async throws {
    switch step {
    case .give(let payment):
      let command = try LedgerWorld.command(payment)
      _ = try await GiftApplication(store: store).give(command, because: Cause(id: "point"))
    case .pointCanceled(let payment):
      let command = CancelGift(
        of: PaymentID(payment), classID: ClassID(payment), student: LedgerWorld.student(payment))
      try await store.transact(because: Cause(id: "point")) { try command.perform(in: $0) }
    case .modified(let classID, let student, let version):
      let command = CorrectStudent(
        StudentCorrection(classID: ClassID(classID), student: student, version: version))
      try await store.transact(because: Cause(id: "class")) { try command.perform(in: $0) }
    }
  }

  private func facts(_ store: InMemoryGiftStore) async throws -> LedgerFacts {
    let application = GiftApplication(store: store)
    var balances: [String: Int64] = [:]
    for student in LedgerWorld.students {
      balances[student] = try await application.balance(of: student)
    }
    return LedgerFacts(
      gifts: try await application.gifts(try PageRequest()).items, ledger: store.ledger,
      told: store.events.map { event in
        let isGrant = if case .giftRegistered = event { true } else { false }
        return LedgerFacts.Told(
          classID: event.gift.classID.value, isGrant: isGrant, giftstock: event.gift.giftstock)
      }, balances: balances)
  }
}
