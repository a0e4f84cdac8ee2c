import AdaptorTestSupport
import Contracts
import EventLog
import GiftAdaptors
import GiftCore
import Kernel
import Testing

@Suite("The ledger of gifts in SQL, in every order of the events")
struct SQLGiftLedgerPropertyTests {
  @Test(
    "T9, T11, T34, T39, T41: the ledger, the state and the events agree after every event",
    arguments: EventPath.allCases)
  func anyOrder(_ path: EventPath) async throws {
    for seed in UInt64(1)...6 {
      let gift = try GiftHarness()
      let script = LedgerWorld.script(seed: seed)
      for step in script {
        try await self.take(step, gift, path)
        try await self.facts(gift).check("seed \(seed), after \(step)")
      }
      try await self.facts(gift).expectOutcome(script, "seed \(seed)")
    }
  }

  private func take(_ step: LedgerStep, _ gift: GiftHarness, _ path: EventPath) async throws {
    switch step {
    case .give(let payment):
      _ = try await gift.application.give(
        try LedgerWorld.command(payment), because: Cause(id: "settle-point-\(payment)"))
    case .pointCanceled(let payment):
      try await gift.tell(
        [
          try GiftHarness.pointCanceled(
            payment, payment: payment, student: LedgerWorld.student(payment))
        ], path)
    case .modified(let classID, let student, let version):
      try await gift.tell(
        [try .classModified(version, class: classID, student: student)], path)
    }
  }

  private func facts(_ gift: GiftHarness) async throws -> LedgerFacts {
    var ledger: [PostedGiftEntry] = []
    for classID in LedgerWorld.payments {
      ledger += try await gift.application.entries(of: ClassID(classID), try PageRequest()).items
    }
    var balances: [String: Int64] = [:]
    for student in LedgerWorld.students {
      balances[student] = try await gift.application.balance(of: student)
    }
    let events = try await gift.harness.outbox.events(after: 0, limit: 1000).events
    return LedgerFacts(
      gifts: try await gift.application.gifts(try PageRequest()).items,
      ledger: ledger.sorted { $0.sequence < $1.sequence }, told: try events.map(Self.told),
      balances: balances)
  }

  private static func told(_ event: EventsV1.Event) throws -> LedgerFacts.Told {
    if event.type == "GiftRegistered" {
      let message = try event.message(GiftV1.GiftRegistered.self)
      return LedgerFacts.Told(
        classID: message.classID, isGrant: true, giftstock: message.giftstock)
    }
    let message = try event.message(GiftV1.GiftCanceled.self)
    return LedgerFacts.Told(
      classID: message.classID, isGrant: false, giftstock: message.giftstock)
  }
}
