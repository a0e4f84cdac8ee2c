import AdaptorTestSupport
import GiftCore
import Kernel
import TestSupport
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
}
