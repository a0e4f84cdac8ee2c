import AdaptorTestSupport
import AlertAdaptors
import AlertCore
import Kernel
import Testing

@Suite("The contract of Alert's port")
struct AlertContractTests {
  @Test("R21: an alert is found by id, by recipient and in the list", arguments: Way.allCases)
  func finds(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments())
    try await alert.with(way) { port in
      let paid = AlertStory.paidAlert(through: way)
      let page = try PageRequest()
      #expect(try await port.alert(AlertID(1)) == paid)
      let all = try await port.alerts(page)
      #expect(all.items.first == paid)
      #expect(all.items.map(\.content.key.channel) == [.kakao, .sms, .kakao])
      #expect(all.totalElements == 3)
      #expect(try await port.alerts(of: "john-doe", page).items == all.items)
      #expect(try await port.alerts(of: "simon", page).items.isEmpty)
    }
  }

  @Test("an alert about a course is about no class", arguments: Way.allCases)
  func noClass(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.courses())
    try await alert.with(way) { port in
      let alerts = try await port.alerts(of: "hong", try PageRequest()).items
      #expect(alerts.map(\.content.classID) == [nil, nil, nil])
      #expect(
        alerts.map(\.content.eventType) == ["CourseRegistered", "CourseModified", "CourseDeleted"])
    }
  }

  @Test("shows what was sent and what became too old", arguments: Way.allCases)
  func statuses(_ way: Way) async throws {
    let alert = try AlertHarness()
    let sender = ConsoleAlertSender(info: { _ in })
    try await alert.tell(Array(try AlertStory.payments().prefix(1)))
    _ = try await alert.send(sender, atMost: 1)
    alert.harness.clock.advance(seconds: SendAlerts.maxAgeSeconds + 1)
    _ = try await alert.send(sender)
    try await alert.with(way) { port in
      let alerts = try await port.alerts(try PageRequest()).items
      #expect(alerts.first == AlertStory.paidAlert(.sent, through: way))
      #expect(alerts.map(\.status) == [.sent, .expired])
    }
  }

  @Test("an unknown alert is a not-found", arguments: Way.allCases)
  func knowsNoOther(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.with(way) { port in
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.alert(AlertID(99))
      }
      #expect((error as? any DomainError)?.problem.code == "not-found")
      #expect((error as? any DomainError)?.problem.kind == .notFound)
    }
  }

  @Test("lists are paged and sorted, by each field", arguments: Way.allCases)
  func pages(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.all())
    try await alert.with(way) { port in
      let request = try PageRequest(
        number: 1, size: 4, sort: [SortKey(field: "eventType"), SortKey(field: "channel")])
      let page = try await port.alerts(request)
      #expect(
        page.items.map(\.content.eventType) == [
          "CourseModified", "CourseRegistered", "DeliveryCanceled", "PaymentApproved",
        ])
      #expect(page.totalElements == 11)
      #expect(page.totalPages == 3)
      let fields = ["id", "classId", "recipient", "channel", "message", "status", "createdAt"]
      for field in fields {
        let sort = [SortKey(field: field, descending: true)]
        let sorted = try await port.alerts(of: "john-doe", try PageRequest(sort: sort))
        #expect(sorted.totalElements == 6, "sorted by \(field)")
      }
    }
  }

  @Test("a sort key that is no field is refused by name", arguments: Way.allCases)
  func refusesUnknownSort(_ way: Way) async throws {
    let alert = try AlertHarness()
    try await alert.with(way) { port in
      let request = try PageRequest(sort: [SortKey(field: "eventId")])
      let error = await #expect(throws: (any Error).self) {
        _ = try await port.alerts(request)
      }
      #expect((error as? any DomainError)?.problem.fields.map(\.field) == ["sort"])
    }
  }
}
