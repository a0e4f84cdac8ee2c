import AdaptorTestSupport
import EnrollmentAdaptors
import EnrollmentCore
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("Classes over REST")
struct EnrollmentRESTTests {
  /// What httpie sends for `courseId=1 fee=10000 student=john-doe textBook=my_book`.
  private static let httpie =
    #"{"courseId":"1","fee":"10000","student":"john-doe","textBook":"my_book"}"#

  @Test("W3: a class in the seed's own shape, with the course's book, whatever was sent (T49)")
  func shape() async throws {
    try await self.withClasses { http, _ in
      let created = try await http.request(
        "POST", "/classes", headers: [("Host", "class:8080")], body: Self.httpie)
      #expect(created.status == 201)
      #expect(created.header("Location") == "http://sugang.test/classes/1")
      #expect(created.header("Content-Type") == "application/hal+json")
      #expect(
        created.text == """
          {
            "courseId" : 1,
            "fee" : 10000,
            "student" : "john-doe",
            "textBook" : "kor_book",
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/classes/1"
              },
              "class" : {
                "href" : "http://sugang.test/classes/1"
              }
            }
          }
          """)
      let found = try await http.request("GET", "/classes/1")
      #expect(found.text == created.text)
      let list = try await http.request("GET", "/classes")
      #expect(list.json["_embedded"]?["classes"] == [created.json])
      #expect(
        list.json["_links"]?["search"] == ["href": "http://sugang.test/classes/search"])
    }
  }

  @Test("W27: a class whose payment is not known is 202, and says where and when to look again")
  func pending() async throws {
    try await self.withClasses { http, classes in
      classes.gateway.next(.unknown(reason: "timeout"))
      let accepted = try await http.request("POST", "/classes", body: Self.httpie)
      #expect(accepted.status == 202)
      #expect(accepted.header("Location") == "http://sugang.test/classes/1")
      #expect(accepted.header("Retry-After") == "1")
      #expect(accepted.json["status"] == "PENDING")
      let found = try await http.request("GET", "/classes/1")
      #expect(found.status == 200)
      #expect(found.json == accepted.json)
      _ = try await classes.settle()
      let settled = try await http.request("GET", "/classes/1")
      #expect(settled.json["status"] == nil)
    }
  }

  @Test("T5: a declined payment is 402 and says why")
  func declined() async throws {
    try await self.withClasses { http, classes in
      classes.gateway.next(.declined(reason: "over-limit"))
      let refused = try await http.request("POST", "/classes", body: Self.httpie)
      #expect(refused.status == 402)
      #expect(refused.header("Content-Type") == "application/problem+json")
      #expect(refused.json["code"] == "payment-declined")
      #expect(refused.json["detail"] == "Pay declined the payment: over-limit")
    }
  }

  @Test("T21, W23: another fee than the course's is 409 in the form of RFC 9457")
  func feeMismatch() async throws {
    try await self.withClasses { http, _ in
      let refused = try await http.request(
        "POST", "/classes", headers: [("X-Request-Id", "request-7")],
        body: #"{"courseId":1,"fee":12000,"student":"JohnDoe","textBook":"kor_book"}"#)
      #expect(refused.status == 409)
      #expect(
        refused.json == [
          "type": "/problems/fee-mismatch", "title": "The fee has changed", "status": 409,
          "detail": "course 1 costs 10000, the request said 12000", "instance": "/classes",
          "code": "fee-mismatch", "request_id": "request-7",
        ])
    }
  }

  @Test("T31: an unknown course is 404; one that cannot be asked for is 503 with Retry-After")
  func courses() async throws {
    try await self.withClasses { http, classes in
      let body = #"{"courseId":9,"student":"john-doe"}"#
      classes.catalog.next(.noSuchCourse)
      let missing = try await http.request("POST", "/classes", body: body)
      #expect(missing.status == 404)
      #expect(missing.json["detail"] == "there is no course 9")
      let unavailable = try await http.request("POST", "/classes", body: body)
      #expect(unavailable.status == 503)
      #expect(unavailable.header("Retry-After") == "1")
    }
  }

  @Test(
    "T7, T50: a body with wrong fields is 422 and names them",
    arguments: [
      (#"{"courseId":"","fee":10000,"student":"kim"}"#, ["courseId"]),
      (#"{"courseId":1,"fee":-10000,"student":"kim"}"#, ["fee"]),
      (#"{"courseId":1,"fee":"10 000","student":"kim"}"#, ["fee"]),
      (#"{"courseId":1,"Fee":10000,"student":"kim"}"#, ["Fee"]),
      (#"{"courseId":1,"free":10000,"student":"kim"}"#, ["free"]),
      (#"{"courseId":1,"student":"kim","status":"REGISTERED"}"#, ["status"]),
      (#"{"courseId":1,"student":"kim","textBook":7}"#, ["textBook"]),
      (#"{"courseId":1,"student":""}"#, ["student"]),
      (#"{"courseId":1,"student":"k\u0001m"}"#, ["student"]),
      ("{}", ["courseId", "student"]),
    ])
  func wrongFields(body: String, fields: [String]) async throws {
    try await self.withClasses { http, classes in
      let response = try await http.request("POST", "/classes", body: body)
      #expect(response.status == 422)
      #expect(response.wrongFields == fields)
      #expect(classes.gateway.requests.isEmpty)
    }
  }

  @Test("a body that is no JSON is 400, one of another media type 415")
  func noJSON() async throws {
    try await self.withClasses { http, _ in
      #expect(try await http.request("POST", "/classes", body: "courseId=1").status == 400)
      let text = try await http.request(
        "POST", "/classes", headers: [("Content-Type", "text/plain")], body: Self.httpie)
      #expect(text.status == 415)
    }
  }

  @Test("T21, T34: PATCH fee=8888 of the seed's own script moves no money: 409")
  func fixedTerms() async throws {
    try await self.withClasses { http, _ in
      _ = try await http.request("POST", "/classes", body: Self.httpie)
      let fee = try await http.request("PATCH", "/classes/1", body: #"{"fee":"8888"}"#)
      #expect(fee.status == 409)
      #expect(fee.json["code"] == "terms-fixed")
      let status = try await http.request(
        "PATCH", "/classes/1", body: #"{"status":"CANCELED"}"#)
      #expect(status.status == 422)
      #expect(status.wrongFields == ["status"])
    }
  }

  @Test("PATCH and PUT change the student; PUT must send one")
  func changesStudent() async throws {
    try await self.withClasses { http, _ in
      let created = try await http.request("POST", "/classes", body: Self.httpie)
      let patched = try await http.request("PATCH", "/classes/1", body: #"{"student":"kim"}"#)
      #expect(patched.status == 200)
      #expect(patched.json["student"] == "kim")
      let put = try await http.request("PUT", "/classes/1", body: created.text)
      #expect(put.status == 200)
      #expect(put.text == created.text)
      let half = try await http.request("PUT", "/classes/1", body: #"{"fee":10000}"#)
      #expect(half.status == 422)
      #expect(half.wrongFields == ["student"])
    }
  }

  @Test("W10, W11, T50: DELETE is 204 however often, and the class is gone; an unknown one is 404")
  func deletes() async throws {
    try await self.withClasses { http, _ in
      _ = try await http.request("POST", "/classes", body: Self.httpie)
      for _ in 0..<2 {
        let deleted = try await http.request("DELETE", "/classes/1")
        #expect(deleted.status == 204)
        #expect(deleted.body.isEmpty)
      }
      #expect(try await http.request("GET", "/classes/1").status == 404)
      let list = try await http.request("GET", "/classes")
      #expect(list.json["_embedded"] == ["classes": []])
      #expect(try await http.request("DELETE", "/classes/2").status == 404)
    }
  }

  @Test("R6, T35: the history of a student has every class with its status")
  func history() async throws {
    try await self.withClasses { http, classes in
      try await classes.hear(CourseNews.registered(2, course: 2))
      _ = try await http.request("POST", "/classes", body: Self.httpie)
      _ = try await http.request("DELETE", "/classes/1")
      _ = try await http.request(
        "POST", "/classes", body: #"{"courseId":2,"student":"john-doe"}"#)
      let path = "/classes/search/findByStudent"
      let found = try await http.request("GET", "\(path)?student=john-doe&size=1")
      #expect(found.json["_embedded"]?["classes"]?[0]?["status"] == "CANCELED")
      #expect(found.json["page"]?["totalElements"] == 2)
      #expect(
        found.json["_links"]?["next"]?["href"]
          == .string("http://sugang.test\(path)?student=john-doe&page=1&size=1"))
      let next = try await http.request("GET", "\(path)?student=john-doe&size=1&page=1")
      #expect(next.json["_embedded"]?["classes"]?[0]?["status"] == nil)
      let nameless = try await http.request("GET", path)
      #expect(nameless.status == 422)
      #expect(nameless.wrongFields == ["student"])
    }
  }

  @Test("T17: an Idempotency-Key is answered once, with the same answer, pending or not")
  func idempotency() async throws {
    try await self.withClasses { http, classes in
      let key = [("Idempotency-Key", "k-1")]
      classes.gateway.next(.unknown(reason: "timeout"))
      let first = try await http.request("POST", "/classes", headers: key, body: Self.httpie)
      let again = try await http.request("POST", "/classes", headers: key, body: Self.httpie)
      #expect([first.status, again.status] == [202, 202])
      #expect(again.text == first.text)
      #expect(again.header("Location") == first.header("Location"))
      let other = try await http.request(
        "POST", "/classes", headers: key, body: #"{"courseId":1,"student":"kim"}"#)
      #expect(other.status == 422)
      #expect(other.json["code"] == "idempotency-key-reused")
      #expect(classes.gateway.requests.count == 1)
    }
  }

  @Test("T17: a repeat that overtakes the first request's answer is 409 and may come again")
  func stillRunning() async throws {
    try await self.withClasses { http, classes in
      let key = [("Idempotency-Key", "k-1")]
      classes.gateway.next { _ in
        let early = try? await http.request("POST", "/classes", headers: key, body: Self.httpie)
        #expect(early?.status == 409)
        #expect(early?.json["code"] == "idempotency-in-progress")
        #expect(early?.header("Retry-After") == "1")
        return .approved(PaymentID(1))
      }
      let first = try await http.request("POST", "/classes", headers: key, body: Self.httpie)
      let again = try await http.request("POST", "/classes", headers: key, body: Self.httpie)
      #expect([first.status, again.status] == [201, 201])
      #expect(again.text == first.text)
    }
  }

  @Test("a verb that classes do not have is 405 with those they have")
  func allow() async throws {
    try await self.withClasses { http, _ in
      let all = try await http.request("PUT", "/classes", body: "{}")
      #expect(all.status == 405)
      #expect(all.header("Allow") == "GET, HEAD, POST, OPTIONS")
      let one = try await http.request("POST", "/classes/1", body: "{}")
      #expect(one.header("Allow") == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS")
    }
  }

  /// Classes with course 1 at 10000 won.
  private func withClasses(
    _ body: @escaping @Sendable (HTTPClient, EnrollmentHarness) async throws -> Void
  ) async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1))
    try await classes.withREST { try await body($0, classes) }
  }
}
