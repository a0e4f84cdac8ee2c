import AdaptorTestSupport
import HTTPClientKit
import JSON
import Kernel
import PayCore
import Testing

@Suite("Payments over REST")
struct PayRESTTests {
  /// Serves a payment for each of so many classes.
  private static func withPayments(
    _ count: Int64, _ body: @escaping @Sendable (HTTPClient) async throws -> Void
  ) async throws {
    let pay = try PayHarness()
    for number in 0..<count {
      _ = try await pay.application.approve(
        try PayHarness.command(class: number + 1, fee: 10_000 + number),
        because: Cause(id: "request-1"))
    }
    try await pay.withHTTP(body)
  }

  @Test(
    "T23, T24: payments are only to be read", arguments: ["/payments", "/payments/1"])
  func readOnly(_ path: String) async throws {
    try await Self.withPayments(1) { http in
      let before = try await http.request("GET", "/payments/1").text
      let attempts = try await http.attemptsToWrite(path)
      #expect(attempts == HTTPClient.readOnly)
      #expect(try await http.request("GET", "/payments/1").text == before)
    }
  }

  @Test(
    "T24: the seed's routes that move money are not there",
    arguments: [("POST", "/succeedPayment"), ("PATCH", "/payment/cancel/1")])
  func seedRoutes(_ method: String, _ path: String) async throws {
    try await Self.withPayments(1) { http in
      let attempt = try await http.request(method, path, body: "{}")
      #expect(attempt.status == 404)
      let payment = try await http.request("GET", "/payments/1")
      #expect(payment.json["status"] == "PAYMENT_COMPLETED")
    }
  }

  @Test("W5: a payment looks exactly so")
  func snapshot() async throws {
    try await Self.withPayments(1) { http in
      let response = try await http.request("GET", "/payments/1")
      #expect(response.status == 200)
      #expect(response.header("Content-Type") == "application/hal+json")
      #expect(
        response.text == """
          {
            "classId" : 1,
            "courseId" : 7,
            "fee" : 10000,
            "student" : "john-doe",
            "status" : "PAYMENT_COMPLETED",
            "textBook" : "kor_book",
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/payments/1"
              },
              "payment" : {
                "href" : "http://sugang.test/payments/1"
              }
            }
          }
          """)
    }
  }

  @Test("the list is paged and sorted, and leads to its neighbours and its search")
  func list() async throws {
    try await Self.withPayments(5) { http in
      let page = try await http.request("GET", "/payments?page=1&size=2&sort=fee,desc")
      let classes = try page.json.embedded("payments").map { try $0.integer("classId") }
      #expect(classes == [3, 2])
      #expect(
        page.json["page"] == ["size": 2, "totalElements": 5, "totalPages": 3, "number": 1])
      #expect(
        page.json["_links"]?.object?.members.map(\.name)
          == ["self", "profile", "search", "first", "prev", "next", "last"])
    }
  }

  @Test("an empty list is a list")
  func emptyList() async throws {
    try await Self.withPayments(0) { http in
      let list = try await http.request("GET", "/payments")
      #expect(list.status == 200)
      #expect(list.json["_embedded"] == ["payments": []])
    }
  }

  @Test("payments are found by their class; none is an empty list")
  func findsByClass() async throws {
    try await Self.withPayments(2) { http in
      let path = "/payments/search/findByClassId?classId="
      let found = try await http.request("GET", path + "2")
      let one = try await http.request("GET", "/payments/2")
      #expect(found.json["_embedded"]?["payments"] == [one.json])
      let none = try await http.request("GET", path + "9")
      #expect(none.status == 200)
      #expect(none.json["_embedded"] == ["payments": []])
      #expect(try await http.request("GET", path + "x").status == 422)
      #expect(try await http.request("GET", "/payments/search/findByClassId").status == 422)
    }
  }

  @Test(
    "T50: what is not there is 404, with a problem", arguments: ["/payments/9", "/payments/x"])
  func notFound(_ path: String) async throws {
    try await Self.withPayments(1) { http in
      let response = try await http.request("GET", path)
      #expect(response.status == 404)
      #expect(response.header("Content-Type") == "application/problem+json")
      #expect(response.json["code"] == "not-found")
    }
  }

  @Test("a query that makes no sense is 422 and named")
  func wrongQuery() async throws {
    try await Self.withPayments(1) { http in
      for (query, field) in [("size=0", "size"), ("page=-1", "page"), ("sort=secret", "sort")] {
        let response = try await http.request("GET", "/payments?" + query)
        #expect(response.status == 422, "\(query)")
        #expect(response.wrongFields == [field], "\(query)")
      }
    }
  }
}
