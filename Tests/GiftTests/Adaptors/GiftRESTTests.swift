import AdaptorTestSupport
import GiftCore
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("Gifts over REST")
struct GiftRESTTests {
  @Test(
    "T23, T25: gifts are only to be read, and reading gives none",
    arguments: ["/gifts", "/gifts/1"])
  func readOnly(_ path: String) async throws {
    let gift = try GiftHarness()
    let query = "?student=john-doe&classId=1&fee=10000"
    try await gift.withHTTP { http in
      let attempts = try await http.attemptsToWrite(path)
      #expect(attempts == HTTPClient.readOnly)
      let seedRoute = try await http.request("GET", "/chkAndModifyGiftStock" + query)
      #expect(seedRoute.status == 404)
    }
    #expect(try await gift.application.gifts(try PageRequest()).totalElements == 0)
  }

  @Test("a gift looks exactly so, found by its class too")
  func snapshot() async throws {
    let gift = try GiftHarness()
    _ = try await gift.application.give(
      try GiftHarness.command(), because: Cause(id: "settle-point-1"))
    try await gift.withHTTP { http in
      for path in ["/gifts/1", "/gifts/search/findByClassId?classId=1"] {
        let response = try await http.request("GET", path)
        #expect(
          response.text == """
            {
              "classId" : 1,
              "fee" : 10000,
              "student" : "john-doe",
              "giftstock" : 1,
              "_links" : {
                "self" : {
                  "href" : "http://sugang.test/gifts/1"
                },
                "gift" : {
                  "href" : "http://sugang.test/gifts/1"
                }
              }
            }
            """)
      }
    }
  }

  @Test("a line of the ledger looks exactly so, on a page of its class")
  func entries() async throws {
    let gift = try GiftHarness()
    _ = try await gift.application.give(
      try GiftHarness.command(), because: Cause(id: "settle-point-1"))
    try await gift.tell([try GiftHarness.pointCanceled(1)])
    try await gift.withHTTP { http in
      let path = "/gifts/search/findEntriesByClassId?classId=1&page=1&size=1"
      let response = try await http.request("GET", path)
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "_embedded" : {
              "giftEntries" : [ {
                "sequence" : 2,
                "classId" : 1,
                "kind" : "REVOKE",
                "gifts" : -1,
                "at" : "2026-03-02T00:00:00.000000Z",
                "_links" : {
                  "gift" : {
                    "href" : "http://sugang.test/gifts/1"
                  }
                }
              } ]
            },
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/gifts/search/findEntriesByClassId?classId=1&page=1&size=1"
              },
              "first" : {
                "href" : "http://sugang.test/gifts/search/findEntriesByClassId?classId=1&page=0&size=1"
              },
              "prev" : {
                "href" : "http://sugang.test/gifts/search/findEntriesByClassId?classId=1&page=0&size=1"
              },
              "last" : {
                "href" : "http://sugang.test/gifts/search/findEntriesByClassId?classId=1&page=1&size=1"
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
    let gift = try GiftHarness()
    _ = try await gift.application.give(
      try GiftHarness.command(), because: Cause(id: "settle-point-1"))
    try await gift.withHTTP { http in
      let response = try await http.request("GET", "/gifts/search/balance?student=john-doe")
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "student" : "john-doe",
            "giftstock" : 1,
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/gifts/search/balance?student=john-doe"
              }
            }
          }
          """)
    }
  }

  @Test(
    "T23: the ledger and the balances are only to be read",
    arguments: ["/gifts/search/balance", "/gifts/search/findEntriesByClassId"])
  func readOnlyLedger(_ path: String) async throws {
    let gift = try GiftHarness()
    try await gift.withHTTP { http in
      #expect(try await http.attemptsToWrite(path) == HTTPClient.readOnly)
      // The parameter that says whose, or of which class.
      let response = try await http.request("GET", path)
      #expect(response.status == 422)
      #expect(response.wrongFields == [path.hasSuffix("balance") ? "student" : "classId"])
      let index = try await http.request("GET", "/gifts/search")
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      #expect(index.json["_links"]?[name]?["templated"] == true)
    }
  }
}
