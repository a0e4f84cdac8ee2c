import AdaptorTestSupport
import TestSupport
import Testing

@Suite("Points over REST")
struct PointRESTTests {
  @Test("T23: points are only to be read", arguments: ["/points", "/points/1"])
  func readOnly(_ path: String) async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.withHTTP { http in
      let attempts = try await http.attemptsToWrite(path)
      #expect(attempts == HTTPClient.readOnly)
    }
  }

  @Test("a point looks exactly so")
  func snapshot() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.withHTTP { http in
      let response = try await http.request("GET", "/points/1")
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "classId" : 1,
            "fee" : 10000,
            "student" : "john-doe",
            "cashpoint" : 100,
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/points/1"
              },
              "point" : {
                "href" : "http://sugang.test/points/1"
              }
            }
          }
          """)
    }
  }
}
