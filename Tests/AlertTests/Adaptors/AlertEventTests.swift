import AdaptorSupport
import AdaptorTestSupport
import AlertAdaptors
import AlertCore
import Contracts
import EventLog
import FramedRPC
import Kernel
import Synchronization
import Testing

@Suite("Alert on the events of three services")
struct AlertEventTests {
  @Test(
    "T9, T18: ten facts told twice in any order are told to each person once a channel",
    arguments: EventPath.allCases)
  func anyOrder(_ delivery: EventPath) async throws {
    let expected: Set<String> = [
      "CourseRegistered KAKAO hong", "CourseModified KAKAO hong", "CourseDeleted KAKAO hong",
      "ClassRegistered KAKAO john-doe", "ClassModified KAKAO simon",
      "ClassCanceled KAKAO simon", "PaymentApproved KAKAO john-doe",
      "PaymentApproved SMS john-doe", "PaymentCanceled KAKAO john-doe",
      "TextbookDeliveried KAKAO john-doe", "DeliveryCanceled KAKAO john-doe",
    ]
    for seed in UInt64(1)...8 {
      let alert = try AlertHarness()
      try await alert.tell(try AlertStory.all().twiceShuffled(seed: seed), delivery)
      let alerts = try await alert.application.alerts(try PageRequest()).items.map(\.content)
      let told = alerts.map { "\($0.eventType) \($0.key.channel.rawValue) \($0.key.recipient)" }
      #expect(told.count == expected.count, "seed \(seed)")
      #expect(Set(told) == expected, "seed \(seed)")
    }
  }

  @Test("a seat that is kept for a student is told by KakaoTalk and SMS, its end by KakaoTalk")
  func seats() async throws {
    let alert = try AlertHarness()
    try await alert.tell([
      .told(
        "class", 1, about: .course(CourseID(7)),
        EnrollmentV1.SeatOffered(
          id: 1, courseID: 7, student: "john-doe", expiresAt: "2026-03-02T00:15:00.000000Z")),
      .told(
        "class", 2, about: .course(CourseID(7)),
        EnrollmentV1.SeatOfferExpired(id: 1, courseID: 7, student: "john-doe")),
    ])
    let contents = try await alert.application.alerts(try PageRequest()).items.map(\.content)
    #expect(contents.map(\.eventType) == ["SeatOffered", "SeatOffered", "SeatOfferExpired"])
    #expect(contents.map(\.key.channel) == [.kakao, .sms, .kakao])
    #expect(contents.allSatisfy { $0.key.recipient == "john-doe" && $0.classID == nil })
    #expect(contents.first?.message.contains("until 2026-03-02T00:15:00.000000Z") == true)
  }

  @Test("T19: an alert is as old as its fact, whenever it is heard of")
  func createdAt() async throws {
    let alert = try AlertHarness()
    alert.harness.clock.advance(seconds: 3600)
    try await alert.tell(try AlertStory.payments("2026-01-01T09:08:07.654321Z"))
    let alerts = try await alert.application.alerts(try PageRequest()).items
    #expect(Set(alerts.map(\.content.createdAt.rfc3339)) == ["2026-01-01T09:08:07.654321Z"])
  }

  @Test("T18: the whole history, read by a new alert service, messages nobody")
  func oldHistory() async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments("2026-02-28T23:59:59.999999Z"))
    let sent = Mutex(0)
    let sender = ConsoleAlertSender(info: { _ in sent.withLock { $0 += 1 } })
    #expect(try await alert.send(sender) == Settlement(settled: 3, remaining: 0))
    #expect(sent.withLock { $0 } == 0)
    let alerts = try await alert.application.alerts(try PageRequest()).items
    #expect(alerts.map(\.status) == [.expired, .expired, .expired])
  }

  @Test("alerts are sent once, the oldest first")
  func sends() async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments())
    let sent = Mutex(0)
    let sender = ConsoleAlertSender(info: { _ in sent.withLock { $0 += 1 } })
    #expect(try await alert.send(sender, atMost: 2) == Settlement(settled: 2, remaining: 0))
    let waiting = try await alert.application.alerts(try PageRequest()).items
    #expect(waiting.map(\.status) == [.sent, .sent, .new])
    #expect(try await alert.send(sender) == Settlement(settled: 1, remaining: 0))
    #expect(try await alert.send(sender) == Settlement(settled: 0, remaining: 0))
    #expect(sent.withLock { $0 } == 3)
  }

  @Test("T14: an event that is no message, or of no time, parks its own class only")
  func parksPoison() async throws {
    let alert = try AlertHarness()
    let intake = alert.harness.intake(AlertEventAdaptor(source: "pay"))
    let paid = PayV1.PaymentApproved(id: 6, classID: 2, fee: 10_000, student: "simon")
    let events = [
      try AlertStory.payments()[0].poisoned, try AlertStory.payments()[1],
      try EventsV1.Event.told("pay", 3, about: 3, paid, time: "20261225000000"),
      try EventsV1.Event.told("pay", 4, about: 2, paid),
    ]
    try await intake.take(events, logID: "log")
    let alerts = try await alert.application.alerts(try PageRequest()).items
    #expect(Set(alerts.map(\.content.key.eventID)) == ["pay-test-4"])
    #expect(try await intake.cursor() == 4)
  }

  @Test("an event that nobody wants to hear of passes by")
  func ignoresOthers() async throws {
    let alert = try AlertHarness()
    var other = try AlertStory.payments()[0].poisoned
    other.type = "PaymentReminded"
    let intake = alert.harness.intake(AlertEventAdaptor(source: "pay"))
    try await intake.take([other], logID: "log")
    #expect(try await intake.cursor() == 1)
    #expect(try await alert.application.alerts(try PageRequest()).totalElements == 0)
  }

  @Test(
    "asks a source for the types it has a policy for, and for no others",
    arguments: AlertEventAdaptor.sources)
  func types(_ source: String) async throws {
    let alert = try AlertHarness()
    let handler = AlertEventAdaptor(source: source)
    let handled = try await handler.handledTypes(in: alert.harness)
    #expect(handled.sorted() == handler.types.sorted())
  }
}
