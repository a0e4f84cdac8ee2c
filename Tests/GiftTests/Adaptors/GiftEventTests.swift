import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import GiftAdaptors
import GiftCore
import Kernel
import Testing

@Suite("Gift on the events of Point")
struct GiftEventTests {
  /// What can happen to a gift, in whatever order.
  private enum Step: Sendable {
    case give(payment: Int64)
    case pointCanceled(Int64, payment: Int64, student: String = "john-doe")
    case classModified(Int64, class: Int64, student: String)
  }

  private let cause = Cause(id: "settle-point-1")

  @Test(
    "T9, T11, T41: gifts asked for and points canceled, twice in any order, end the same",
    arguments: EventPath.allCases)
  func anyOrder(_ delivery: EventPath) async throws {
    let steps: [Step] = [
      .give(payment: 1), .give(payment: 2), .pointCanceled(1, payment: 1), .give(payment: 3),
      .pointCanceled(2, payment: 3),
    ]
    for seed in UInt64(1)...8 {
      let gift = try GiftHarness()
      for step in steps.twiceShuffled(seed: seed) {
        try await self.take(step, gift, delivery)
      }
      try await self.expectOnlyTheSecond(gift, seed)
    }
  }

  private func take(_ step: Step, _ gift: GiftHarness, _ delivery: EventPath) async throws {
    switch step {
    case .give(let payment):
      _ = try await gift.application.give(
        try GiftHarness.command(payment: payment), because: self.cause)
    case .pointCanceled(let sequence, let payment, let student):
      try await gift.tell(
        [try GiftHarness.pointCanceled(sequence, payment: payment, student: student)], delivery)
    case .classModified(let sequence, let classID, let student):
      try await gift.tell(
        [try .classModified(sequence, class: classID, student: student)], delivery)
    }
  }

  /// The gifts of payments 1 and 3 were taken back, or never given.
  private func expectOnlyTheSecond(_ gift: GiftHarness, _ seed: UInt64) async throws {
    let gifts = try await gift.application.gifts(try PageRequest()).items
    let stock = gifts.filter { $0.giftstock > 0 }.map(\.paymentID.value)
    #expect(stock == [2], "seed \(seed)")
    for payment in [Int64(1), 3] {
      let answer = try await gift.application.give(
        try GiftHarness.command(payment: payment), because: self.cause)
      #expect(answer == .revoked, "seed \(seed)")
    }
    let events = try await gift.harness.eventTypes()
    #expect(events.count { $0 == "GiftRegistered" } == gifts.count, "seed \(seed)")
    #expect(events.count { $0 == "GiftCanceled" } == gifts.count - 1, "seed \(seed)")
  }

  @Test("T11, T41: points canceled first leave no gift to give, and nothing to tell")
  func tombstone() async throws {
    let gift = try GiftHarness()
    try await gift.tell([try GiftHarness.pointCanceled(1)])
    let answer = try await gift.application.give(
      try GiftHarness.command(), because: self.cause)
    #expect(answer == .revoked)
    #expect(try await gift.application.gifts(try PageRequest()).totalElements == 0)
    #expect(try await gift.harness.eventTypes().isEmpty)
  }

  @Test("T14: an event that is no message parks its own class only")
  func parksPoison() async throws {
    let gift = try GiftHarness()
    for payment in Int64(1)...2 {
      _ = try await gift.application.give(
        try GiftHarness.command(payment: payment), because: self.cause)
    }
    let intake = gift.harness.intake(gift.handler)
    try await intake.take(
      [
        try GiftHarness.pointCanceled(1, payment: 1).poisoned,
        try GiftHarness.pointCanceled(2, payment: 1), try GiftHarness.pointCanceled(3, payment: 2),
      ], logID: "log")
    #expect(try await gift.application.gift(of: ClassID(1)).status == .granted)
    #expect(try await gift.application.gift(of: ClassID(2)).status == .revoked)
    #expect(try await intake.cursor() == 3)
  }

  @Test("an event that Gift has no policy for passes by")
  func ignoresOthers() async throws {
    let gift = try GiftHarness()
    let intake = gift.harness.intake(gift.handler)
    let registered = try EventsV1.Event.told(
      "point", 1, about: 1, PointV1.PointRegistered(id: 1, classID: 1, paymentID: 1))
    try await intake.take([registered], logID: "log")
    #expect(try await intake.cursor() == 1)
    let answer = try await gift.application.give(
      try GiftHarness.command(), because: self.cause)
    #expect(answer == .given(try GiftHarness.gift()))
  }

  @Test("T20: tells all that the seed told, with the cause and the class")
  func tells() async throws {
    let gift = try GiftHarness()
    _ = try await gift.application.give(
      try GiftHarness.command(fee: 30_001), because: self.cause)
    try await gift.tell([try GiftHarness.pointCanceled(1)])
    let events = try await gift.harness.outbox.events(after: 0, limit: 10).events
    #expect(
      try events.first?.message(GiftV1.GiftRegistered.self)
        == GiftV1.GiftRegistered(
          id: 1, classID: 1, fee: 30_001, student: "john-doe", giftstock: 4))
    #expect(
      try events.last?.message(GiftV1.GiftCanceled.self)
        == GiftV1.GiftCanceled(
          id: 1, classID: 1, fee: 30_001, student: "john-doe", giftstock: 0))
    #expect(events.map(\.type) == ["GiftRegistered", "GiftCanceled"])
    #expect(events.map(\.subject) == ["class-1", "class-1"])
    #expect(events.map(\.correlationID) == ["1", "1"])
    #expect(events.map(\.causationID) == ["settle-point-1", "point-test-1"])
  }

  @Test("T20: the events have the seed's names and fields")
  func seedShapes() {
    #expect(
      GiftV1.GiftRegistered().seedShape
        == "GiftRegistered(id, classId, fee, student, giftstock)")
    #expect(
      GiftV1.GiftCanceled().seedShape == "GiftCanceled(id, classId, fee, student, giftstock)")
  }

  @Test(
    "asks a source for the types it has a policy for, and for no others",
    arguments: GiftEventAdaptor.sources)
  func types(_ source: String) async throws {
    let gift = try GiftHarness()
    let handler = GiftEventAdaptor(gift.harness.context, source: source)
    let handled = try await handler.handledTypes(in: gift.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }

  @Test(
    "T34: a gift belongs to the student whom Enrollment named last, in any order",
    arguments: EventPath.allCases)
  func followsStudent(_ delivery: EventPath) async throws {
    let steps: [Step] = [
      .give(payment: 1), .classModified(2, class: 1, student: "lee"), .give(payment: 2),
      .classModified(3, class: 1, student: "park"),
      .pointCanceled(1, payment: 2, student: "kim"),
      .classModified(4, class: 2, student: "kim"),
    ]
    for seed in UInt64(1)...8 {
      let gift = try GiftHarness()
      for step in steps.twiceShuffled(seed: seed) {
        try await self.take(step, gift, delivery)
      }
      #expect(try await gift.application.gift(of: ClassID(1)).student == "park", "seed \(seed)")
      let gifts = try await gift.application.gifts(try PageRequest()).items
      // None, when the points were canceled before it could be given.
      let second = gifts.filter { $0.classID == ClassID(2) }
      #expect(second.allSatisfy { $0.student == "kim" }, "seed \(seed)")
      let events = try await gift.harness.outbox.events(after: 0, limit: 10).events
      let canceled = try events.filter { $0.type == "GiftCanceled" }.map {
        try $0.message(GiftV1.GiftCanceled.self).student
      }
      #expect(canceled == second.map { _ in "kim" }, "seed \(seed)")
    }
  }
}
