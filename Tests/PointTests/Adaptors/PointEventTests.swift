import AdaptorTestSupport
import Contracts
import EventLog
import FramedRPC
import Kernel
import PointAdaptors
import PointCore
import Testing

@Suite("Point on the events of Pay")
struct PointEventTests {
  @Test(
    "T9, T10, T11: payments told twice in any order end in the same points",
    arguments: EventPath.allCases)
  func anyOrder(_ delivery: EventPath) async throws {
    let history = [
      try PayTells.approved(1, payment: 1), try PayTells.approved(2, payment: 2),
      try PayTells.canceled(3, payment: 1), try PayTells.approved(4, payment: 3, fee: 20_000),
      try PayTells.canceled(5, payment: 3, fee: 20_000),
    ]
    for seed in UInt64(1)...8 {
      let point = try PointHarness()
      try await point.tell(history.twiceShuffled(seed: seed), delivery)
      #expect(try await point.settle() == Settlement(settled: 1, remaining: 0))
      let points = try await point.application.points(
        try PageRequest(sort: [SortKey(field: "classId")]))
      #expect(points.items.map(\.paid.classID.value) == [1, 2, 3], "seed \(seed)")
      #expect(points.items.map(\.cashpoint) == [0, 100, 0], "seed \(seed)")
      let events = try await point.harness.eventTypes()
      #expect(
        events == ["PointCanceled", "PointCanceled", "PointRegistered"], "seed \(seed)")
      #expect(point.gifts.requests.map(\.paymentID.value) == [2], "seed \(seed)")
    }
  }

  @Test("T11: a cancellation that overtakes its payment leaves no points and asks for no gift")
  func canceledFirst() async throws {
    let point = try PointHarness()
    try await point.tell([try PayTells.canceled(2)])
    #expect(
      try await point.application.points(of: ClassID(1)) == [try PayTells.point(is: .canceled)])
    try await point.earn(try PayTells.approved(1))
    #expect(
      try await point.application.points(of: ClassID(1)) == [try PayTells.point(is: .canceled)])
    #expect(point.gifts.requests.isEmpty)
    #expect(try await point.harness.eventTypes() == ["PointCanceled"])
  }

  @Test("W17 to W19: while Gift is down points wait unseen, then come by themselves, once")
  func giftDown() async throws {
    let point = try PointHarness()
    point.gifts.next(.unknown(reason: "down"))
    try await point.earn(try PayTells.approved(1))
    #expect(try await point.application.points(of: ClassID(1)).isEmpty)
    #expect(try await point.settle() == Settlement(settled: 1, remaining: 0))
    #expect(try await point.settle() == Settlement(settled: 0, remaining: 0))
    #expect(try await point.application.points(of: ClassID(1)) == [try PayTells.point()])
    #expect(try await point.harness.eventTypes() == ["PointRegistered"])
  }

  @Test("a payment given back while its gift is asked for ends in no points")
  func canceledWhileAsking() async throws {
    let point = try PointHarness()
    point.gifts.next { _ in
      try? await point.tell([PayTells.canceled(2)])
      return .given
    }
    try await point.earn(try PayTells.approved(1))
    #expect(
      try await point.application.points(of: ClassID(1)) == [try PayTells.point(is: .canceled)])
    #expect(try await point.harness.eventTypes() == ["PointCanceled"])
  }

  @Test("T7: nothing paid earns nothing")
  func free() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1, fee: 0), try PayTells.canceled(2, fee: 0))
    #expect(try await point.application.points(try PageRequest()).totalElements == 0)
    #expect(try await point.harness.eventTypes().isEmpty)
  }

  @Test("T14: an event that is no message parks its own class only")
  func parksPoison() async throws {
    let point = try PointHarness()
    let intake = point.harness.intake(point.handler)
    try await intake.take(
      [
        try PayTells.approved(1, payment: 1).poisoned, try PayTells.canceled(2, payment: 1),
        try PayTells.approved(3, payment: 2), try PayTells.approved(4, payment: 3, fee: -1),
      ], logID: "log")
    #expect(try await point.settle() == Settlement(settled: 1, remaining: 0))
    let points = try await point.application.points(try PageRequest())
    #expect(points.items.map(\.paid.classID.value) == [2])
    #expect(try await intake.cursor() == 4)
  }

  @Test("an event that Point has no policy for passes by")
  func ignoresOthers() async throws {
    let point = try PointHarness()
    let intake = point.harness.intake(point.handler)
    var other = try PayTells.approved(1).poisoned
    other.type = "PaymentReminded"
    try await intake.take([other], logID: "log")
    #expect(try await intake.cursor() == 1)
    #expect(try await point.settle() == Settlement(settled: 0, remaining: 0))
  }

  @Test("T20: tells all that the seed's readers looked for, with the cause and the class")
  func tells() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.tell([try PayTells.canceled(2)])
    let events = try await point.harness.outbox.events(after: 0, limit: 10).events
    #expect(
      try events.first?.message(PointV1.PointRegistered.self)
        == PointV1.PointRegistered(
          id: 1, classID: 1, paymentID: 1, fee: 10_000, student: "john-doe", cashpoint: 100))
    #expect(
      try events.last?.message(PointV1.PointCanceled.self)
        == PointV1.PointCanceled(
          id: 1, classID: 1, paymentID: 1, fee: 10_000, student: "john-doe", cashpoint: 0))
    #expect(events.map(\.type) == ["PointRegistered", "PointCanceled"])
    #expect(events.map(\.subject) == ["class-1", "class-1"])
    #expect(events.map(\.correlationID) == ["1", "1"])
    #expect(events.map(\.causationID) == ["pay-test-1", "pay-test-2"])
    #expect(point.gifts.causes == ["pay-test-1"])
  }

  @Test("T20: the events have the seed's names and its fields in one spelling")
  func seedShapes() {
    #expect(
      PointV1.PointRegistered().seedShape
        == "PointRegistered(id, classId, paymentId, fee, student, cashpoint)")
    #expect(
      PointV1.PointCanceled().seedShape
        == "PointCanceled(id, classId, paymentId, fee, student, cashpoint)")
  }

  @Test(
    "asks a source for the types it has a policy for, and for no others",
    arguments: PointEventAdaptor.sources)
  func types(_ source: String) async throws {
    let point = try PointHarness()
    let handler = PointEventAdaptor(point.harness.context, source: source)
    let handled = try await handler.handledTypes(in: point.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }

  @Test(
    "T34: points belong to the student whom Enrollment named last, in any order of the events",
    arguments: EventPath.allCases)
  func followsStudent(_ path: EventPath) async throws {
    let history = [
      try PayTells.approved(1), try .classModified(2, student: "lee"),
      try PayTells.approved(2, payment: 2), try .classModified(3, student: "park"),
      try PayTells.canceled(3, payment: 2, student: "kim"),
      try .classModified(4, class: 2, student: "kim"),
    ]
    for seed in UInt64(1)...8 {
      let point = try PointHarness()
      try await point.tell(history.twiceShuffled(seed: seed), path)
      _ = try await point.settle()
      let points = try await point.application.points(
        try PageRequest(sort: [SortKey(field: "classId")]))
      #expect(points.items.map(\.paid.student) == ["park", "kim"], "seed \(seed)")
      #expect(point.gifts.requests.map(\.student) == ["park"], "seed \(seed)")
      let events = try await point.harness.outbox.events(after: 0, limit: 10).events
      let canceled = try #require(events.first { $0.type == "PointCanceled" })
      #expect(try canceled.message(PointV1.PointCanceled.self).student == "kim", "seed \(seed)")
      let registered = try #require(events.first { $0.type == "PointRegistered" })
      #expect(
        try registered.message(PointV1.PointRegistered.self).student == "park", "seed \(seed)")
    }
  }
}
