import AdaptorTestSupport
import HTTPClientKit
import JSON
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

  @Test("a line of the ledger looks exactly so, on a page of its class")
  func entries() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.tell([try PayTells.canceled(2)])
    try await point.withHTTP { http in
      let path = "/points/search/findEntriesByClassId?classId=1&page=1&size=1"
      let response = try await http.request("GET", path)
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "_embedded" : {
              "pointEntries" : [ {
                "sequence" : 2,
                "classId" : 1,
                "kind" : "REVERSE",
                "points" : -100,
                "at" : "2026-03-02T00:00:00.000000Z",
                "_links" : {
                  "point" : {
                    "href" : "http://sugang.test/points/1"
                  }
                }
              } ]
            },
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/points/search/findEntriesByClassId?classId=1&page=1&size=1"
              },
              "first" : {
                "href" : "http://sugang.test/points/search/findEntriesByClassId?classId=1&page=0&size=1"
              },
              "prev" : {
                "href" : "http://sugang.test/points/search/findEntriesByClassId?classId=1&page=0&size=1"
              },
              "last" : {
                "href" : "http://sugang.test/points/search/findEntriesByClassId?classId=1&page=1&size=1"
              }
            },
            "page" : {
              "size" : 1,
              "totalElements" : 2,
              "totalPages" : 2,
              "number" : 1
            }
          }
          """)
    }
  }

  @Test("a balance looks exactly so")
  func balance() async throws {
    let point = try PointHarness()
    try await point.earn(try PayTells.approved(1))
    try await point.withHTTP { http in
      let response = try await http.request("GET", "/points/search/balance?student=john-doe")
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "student" : "john-doe",
            "cashpoint" : 100,
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/points/search/balance?student=john-doe"
              }
            }
          }
          """)
    }
  }

  @Test(
    "T23: the ledger and the balances are only to be read",
    arguments: ["/points/search/balance", "/points/search/findEntriesByClassId"])
  func readOnlyLedger(_ path: String) async throws {
    let point = try PointHarness()
    try await point.withHTTP { http in
      #expect(try await http.attemptsToWrite(path) == HTTPClient.readOnly)
      // The parameter that says whose, or of which class.
      let response = try await http.request("GET", path)
      #expect(response.status == 422)
      #expect(response.wrongFields == [path.hasSuffix("balance") ? "student" : "classId"])
      let index = try await http.request("GET", "/points/search")
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      #expect(index.json["_links"]?[name]?["templated"] == true)
    }
  }
}
