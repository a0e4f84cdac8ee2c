import Kernel
import PointCore
import Synchronization
import Testing

@Suite("The ledger of points in every order of what happens")
struct PointLedgerPropertyTests {
  @Test(
    "T9, T10, T11, T39: per payment one earning at most, one reversal of exactly that, and the books balance",
    arguments: 0..<10)
  func anyOrder(_ block: UInt64) async throws {
    for seed in block * 60..<(block + 1) * 60 {
      let run = LedgerRun()
      for step in LedgerWorld.script(seed: seed) {
        try await run.take(step)
        try await run.facts().check("seed \(seed), after \(step)")
      }
      try await run.take(LedgerWorld.healing)
      let facts = try await run.facts()
      facts.check("seed \(seed), healed")
      run.expectOutcome(facts, "seed \(seed)")
    }
  }
}

/// One script on the use cases, with a store in memory.
private final class LedgerRun: Sendable {
  private struct Seen {
    var approved: Set<Int64> = []
    var canceled: Set<Int64> = []
    /// Gift said that nothing is due.
    var refused: Set<Int64> = []
  }

  private let store = InMemoryPointStore()
  private let seen = Mutex(Seen())

  func take(_ step: LedgerStep) async throws {
    switch step {
    case .approved(let payment):
      self.seen.withLock { _ = $0.approved.insert(payment) }
      let command = RegisterPoint(for: try LedgerWorld.paid(payment))
      try await self.store.transact(because: Cause(id: "pay")) { try command.perform(in: $0) }
    case .canceled(let payment):
      try await self.cancel(payment)
    case .modified(let classID, let student, let version):
      let command = CorrectStudent(
        StudentCorrection(classID: ClassID(classID), student: student, version: version))
      try await self.store.transact(because: Cause(id: "class")) { try command.perform(in: $0) }
    case .settle(let answers, let during):
      let gateway = AnsweringGiftGateway(answers: answers) { paid in
        let payment = paid.paymentID.value
        if payment == during { try? await self.cancel(payment) }
        if answers[payment] == .revoked {
          self.seen.withLock { _ = $0.refused.insert(payment) }
        }
      }
      _ = try await SettlePending(store: self.store, gateway: gateway).perform(atMost: 100)
    }
  }

  private func cancel(_ payment: Int64) async throws {
    self.seen.withLock { _ = $0.canceled.insert(payment) }
    let command = CancelPoint(for: try LedgerWorld.paid(payment))
    try await self.store.transact(because: Cause(id: "pay")) { try command.perform(in: $0) }
  }

  func facts() async throws -> LedgerFacts {
    let application = PointApplication(store: self.store)
    var balances: [String: Int64] = [:]
    for student in LedgerWorld.students {
      balances[student] = try await application.balance(of: student)
    }
    let visible = try await application.points(try PageRequest()).items
    let pending = try await self.store.pendingPoints(atMost: 100).map(\.point)
    return LedgerFacts(
      points: visible + pending, ledger: self.store.ledger,
      told: self.store.events.map { event in
        let isGrant = if case .pointRegistered = event { true } else { false }
        return LedgerFacts.Told(
          payment: event.point.paid.paymentID.value, isGrant: isGrant,
          cashpoint: event.point.cashpoint)
      }, balances: balances)
  }

  /// Once everything is settled, who paid and kept it has the points, and nobody else.
  func expectOutcome(_ facts: LedgerFacts, _ note: Comment) {
    let seen = self.seen.withLock { $0 }
    for payment in LedgerWorld.payments {
      let isDue =
        seen.approved.contains(payment) && !seen.canceled.contains(payment)
        && !seen.refused.contains(payment)
      let sum = LedgerFacts.sum(
        facts.ledger.filter { $0.entry.paymentID.value == payment })
      #expect(sum == (isDue ? LedgerWorld.fee(payment) / 100 : 0), note)
    }
  }
}
