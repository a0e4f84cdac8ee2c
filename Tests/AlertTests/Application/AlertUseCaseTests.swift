import AlertCore
import Kernel
import Synchronization
import Testing

@Suite("Writing and sending alerts")
struct AlertUseCaseTests {
  private let store = InMemoryAlertStore()
  private let sender = RecordingSender()
  private let day: Int64 = 86_400

  private var alerts: AlertApplication { AlertApplication(store: self.store) }

  @Test("T9, T18: a fact told twice writes its alerts once")
  func writesOnce() async throws {
    try await self.tell(try Self.paid())
    try await self.tell(try Self.paid())

    let alerts = try await self.alerts.alerts(try PageRequest()).items
    #expect(alerts.map(\.content.key.channel) == [.kakao, .sms])
    #expect(alerts.map(\.status) == [.new, .new])
    #expect(try await self.alerts.alerts(of: "john-doe", try PageRequest()).items == alerts)
    #expect(try await self.alerts.alerts(of: "simon", try PageRequest()).items.isEmpty)
  }

  @Test("two facts about the same class are two alerts, whatever their order")
  func twoFacts() async throws {
    try await self.tell(try Self.paid(eventID: "pay-1-2"))
    try await self.tell(try Self.paid(eventID: "pay-1-1"))

    #expect(try await self.alerts.alerts(try PageRequest()).totalElements == 4)
  }

  @Test("sends each alert once")
  func sends() async throws {
    try await self.tell(try Self.paid())

    #expect(try await self.send() == Settlement(settled: 2, remaining: 0))
    #expect(try await self.send() == Settlement(settled: 0, remaining: 0))

    #expect(Set(self.sender.sent) == [AlertID(1), AlertID(2)])
    #expect(self.sender.sent.count == 2)
    #expect(try await self.alerts.alert(AlertID(1)).status == .sent)
  }

  @Test("T14: an alert that could not be sent is tried again")
  func triesAgain() async throws {
    try await self.tell(try Self.paid())
    self.sender.failNext(1)

    #expect(try await self.send() == Settlement(settled: 1, remaining: 1))
    #expect(try await self.send() == Settlement(settled: 1, remaining: 0))
    #expect(Set(self.sender.sent) == [AlertID(1), AlertID(2)])
  }

  @Test("T18: the history read again is too old to be sent", arguments: [(0, 2), (1, 0)])
  func expires(secondsTooOld: Int64, sent: Int) async throws {
    try await self.tell(try Self.paid())
    let now = Timestamp(microseconds: 0).adding(seconds: self.day + secondsTooOld)

    #expect(try await self.send(at: now) == Settlement(settled: 2, remaining: 0))

    #expect(self.sender.sent.count == sent)
    let status = try await self.alerts.alert(AlertID(1)).status
    #expect(status == (sent == 0 ? .expired : .sent))
  }

  @Test("sends a limited number, the oldest first")
  func batch() async throws {
    try await self.tell(try Self.paid())

    let settlement = try await SendAlerts(store: self.store, sender: self.sender)
      .perform(at: Timestamp(microseconds: 0), atMost: 1)

    #expect(settlement == Settlement(settled: 1, remaining: 0))
    #expect(self.sender.sent == [AlertID(1)])
  }

  @Test("an unknown alert is not found")
  func notFound() async throws {
    let error = await #expect(throws: AlertError.self) { try await self.alerts.alert(AlertID(9)) }
    #expect(error?.problem.code == "not-found")
  }

  private func tell(_ fact: AlertFact) async throws {
    try await self.store.transact { try WriteAlerts(for: fact).perform(in: $0) }
  }

  private func send(at now: Timestamp = Timestamp(microseconds: 0)) async throws -> Settlement {
    try await SendAlerts(store: self.store, sender: self.sender).perform(at: now, atMost: 100)
  }

  private static func paid(eventID: String = "pay-1-1") throws -> AlertFact {
    AlertFact(
      eventID: eventID, time: Timestamp(microseconds: 0),
      .paymentApproved(ClassID(7), fee: try Money(won: 10_000), student: "john-doe"))
  }
}

/// Remembers what it sent, and fails when told to.
private final class RecordingSender: AlertSender {
  private struct Failure: Error {}

  private let state = Mutex((failures: 0, sent: [AlertID]()))

  func send(_ alert: Alert) async throws {
    try self.state.withLock { state in
      if state.failures > 0 {
        state.failures -= 1
        throw Failure()
      }
      state.sent.append(alert.id)
    }
  }

  func failNext(_ count: Int) { self.state.withLock { $0.failures = count } }

  var sent: [AlertID] { self.state.withLock { $0.sent } }
}
