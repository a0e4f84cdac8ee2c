import AdaptorTestSupport
import Contracts
import EventLog
import Kernel
import PointAdaptors
import PointCore
import Testing

@Suite("The ledger of points in SQL, in every order of the events")
struct SQLPointLedgerPropertyTests {
  @Test(
    "T9, T10, T11, T34, T39: the ledger, the state and the events agree after every event",
    arguments: EventPath.allCases)
  func anyOrder(_ path: EventPath) async throws {
    for seed in UInt64(1)...6 {
      let point = try PointHarness()
      for step in LedgerWorld.script(seed: seed) {
        try await self.take(step, point, path)
        try await self.facts(point).check("seed \(seed), after \(step)")
      }
      try await self.take(LedgerWorld.healing, point, path)
      try await self.facts(point).check("seed \(seed), healed")
    }
  }

  private func take(
    _ step: LedgerStep, _ point: PointHarness, _ path: EventPath
  ) async throws {
    switch step {
    case .approved(let payment):
      let paid = try LedgerWorld.paid(payment)
      try await point.tell(
        [
          try PayTells.approved(
            payment * 2, payment: payment, fee: paid.fee.won, student: paid.student)
        ], path)
    case .canceled(let payment):
      try await self.cancel(payment, point, path)
    case .modified(let classID, let student, let version):
      try await point.tell(
        [try .classModified(version, class: classID, student: student)], path)
    case .settle(let answers, let during):
      let gateway = AnsweringGiftGateway(answers: answers) { paid in
        guard paid.paymentID.value == during else { return }
        try? await self.cancel(paid.paymentID.value, point, path)
      }
      _ = try await point.settle(gateway)
    }
  }

  private func cancel(_ payment: Int64, _ point: PointHarness, _ path: EventPath) async throws {
    let paid = try LedgerWorld.paid(payment)
    try await point.tell(
      [
        try PayTells.canceled(
          payment * 2 + 1, payment: payment, fee: paid.fee.won, student: paid.student)
      ], path)
  }

  private func facts(_ point: PointHarness) async throws -> LedgerFacts {
    let store = SQLPointStore(point.harness.context)
    let visible = try await store.visiblePoints(try PageRequest(), ofStudent: nil).items
    let pending = try await store.pendingPoints(atMost: 100).map(\.point)
    var ledger: [PostedPointEntry] = []
    for classID in LedgerWorld.payments {
      ledger += try await store.entries(of: ClassID(classID), try PageRequest()).items
    }
    var balances: [String: Int64] = [:]
    for student in LedgerWorld.students {
      balances[student] = try await point.application.balance(of: student)
    }
    let events = try await point.harness.outbox.events(after: 0, limit: 1000).events
    return LedgerFacts(
      points: visible + pending, ledger: ledger.sorted { $0.sequence < $1.sequence },
      told: try events.map(Self.told), balances: balances)
  }

  private static func told(_ event: EventsV1.Event) throws -> LedgerFacts.Told {
    if event.type == "PointRegistered" {
      let message = try event.message(PointV1.PointRegistered.self)
      return LedgerFacts.Told(
        payment: message.paymentID, isGrant: true, cashpoint: message.cashpoint)
    }
    let message = try event.message(PointV1.PointCanceled.self)
    return LedgerFacts.Told(
      payment: message.paymentID, isGrant: false, cashpoint: message.cashpoint)
  }
}
