import AdaptorTestSupport
import JSON
import Kernel
import TestSupport
import Testing

@Suite("Alerts over REST")
struct AlertRESTTests {
  @Test("T23: alerts are only to be read", arguments: ["/alerts", "/alerts/1"])
  func readOnly(_ path: String) async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments())
    try await alert.withHTTP { http in
      let attempts = try await http.attemptsToWrite(path)
      #expect(attempts == HTTPClient.readOnly)
    }
  }

  @Test("an alert about a course has a class that is null")
  func nullClass() async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.courses())
    try await alert.withHTTP { http in
      let alert = try await http.resource("/alerts/1")
      #expect(alert["classId"] == .null)
    }
  }

  @Test("an alert looks exactly so")
  func snapshot() async throws {
    let alert = try AlertHarness()
    try await alert.tell(try AlertStory.payments())
    try await alert.withHTTP { http in
      let response = try await http.request("GET", "/alerts/1")
      #expect(
        response.text == """
          {
            "classId" : 1,
            "recipient" : "john-doe",
            "channel" : "KAKAO",
            "eventType" : "PaymentApproved",
            "message" : "You paid 10000 won for class 1.",
            "status" : "NEW",
            "createdAt" : "2026-03-02T00:00:00.000000Z",
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/alerts/1"
              },
              "alert" : {
                "href" : "http://sugang.test/alerts/1"
              }
            }
          }
          """)
    }
  }

  @Test("a search for nobody in particular is refused")
  func needsRecipient() async throws {
    let alert = try AlertHarness()
    try await alert.withHTTP { http in
      let error = await #expect(throws: Problem.self) {
        try await http.resource("/alerts/search/findByRecipient")
      }
      #expect(error?.fields.map(\.field) == ["recipient"])
    }
  }
}
