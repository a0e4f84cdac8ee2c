import AdaptorTestSupport
import CourseCore
import EventLog
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("Courses and deliveries over REST")
struct CourseRESTTests {
  /// What httpie sends for `name=korean teacher=hong-gil-dong fee=10000 textBook=kor_book`.
  private static let httpie =
    #"{"name":"korean","teacher":"hong-gil-dong","fee":"10000","textBook":"kor_book"}"#

  @Test("W1: a course in the seed's own shape, whatever the Host header says (T49)")
  func shape() async throws {
    try await CourseHarness().withREST { http in
      let created = try await http.request(
        "POST", "/courses", headers: [("Host", "course:8080")], body: Self.httpie)
      #expect(created.status == 201)
      #expect(created.header("Location") == "http://sugang.test/courses/1")
      #expect(created.header("Content-Type") == "application/hal+json")
      #expect(
        created.text == """
          {
            "name" : "korean",
            "teacher" : "hong-gil-dong",
            "fee" : 10000,
            "textBook" : "kor_book",
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/courses/1"
              },
              "course" : {
                "href" : "http://sugang.test/courses/1"
              }
            }
          }
          """)
      let found = try await http.request("GET", "/courses/1")
      #expect(found.status == 200)
      #expect(found.text == created.text)
    }
  }

  @Test("W2: the list holds the course; no search is offered")
  func list() async throws {
    try await CourseHarness().withREST { http in
      let empty = try await http.request("GET", "/courses")
      #expect(empty.json["_embedded"] == ["courses": []])
      let created = try await http.request("POST", "/courses", body: Self.httpie)
      let list = try await http.request("GET", "/courses")
      #expect(list.json["_embedded"]?["courses"] == [created.json])
      #expect(list.json["_links"]?.object?.members.map(\.name) == ["self", "profile"])
      #expect(
        list.json["page"] == ["size": 20, "totalElements": 1, "totalPages": 1, "number": 0])
    }
  }

  @Test(
    "T7, T50: a body with wrong fields is 422 and names them",
    arguments: [
      (#"{"name":"a","teacher":"b","fee":-1}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","fee":""}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","fee":"1.5"}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","fee":"99999999999999999999"}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","fee":1000000001}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","fee":null}"#, ["fee"]),
      (#"{"name":"a","teacher":"b","Fee":1}"#, ["fee", "Fee"]),
      (#"{"name":"a","teacher":"b","fee":1,"free":true}"#, ["free"]),
      (#"{"name":7,"fee":1}"#, ["name", "teacher"]),
      (#"{"name":"","teacher":" ","fee":1}"#, ["name", "teacher"]),
      (#"{"name":"a\u0001","teacher":"b","fee":1}"#, ["name"]),
      ("{}", ["name", "teacher", "fee"]),
      ("[]", ["body"]),
    ])
  func wrongFields(body: String, fields: [String]) async throws {
    try await CourseHarness().withREST { http in
      let response = try await http.request("POST", "/courses", body: body)
      #expect(response.status == 422)
      #expect(response.header("Content-Type") == "application/problem+json")
      #expect(response.json["code"] == "validation-failed")
      #expect(response.wrongFields == fields)
    }
  }

  @Test("a body that is no JSON is 400, one of another media type 415")
  func noJSON() async throws {
    try await CourseHarness().withREST { http in
      let broken = try await http.request("POST", "/courses", body: "name=korean")
      #expect(broken.status == 400)
      let form = try await http.request(
        "POST", "/courses", headers: [("Content-Type", "application/x-www-form-urlencoded")],
        body: "name=korean")
      #expect(form.status == 415)
      #expect(form.json["code"] == "unsupported-media-type")
    }
  }

  @Test("PATCH keeps what is not sent, PUT does not")
  func changes() async throws {
    try await CourseHarness().withREST { http in
      _ = try await http.request("POST", "/courses", body: Self.httpie)
      let patched = try await http.request("PATCH", "/courses/1", body: #"{"fee":"12000"}"#)
      #expect(patched.status == 200)
      #expect(patched.json["fee"] == 12000)
      #expect(patched.json["textBook"] == "kor_book")
      let half = try await http.request("PUT", "/courses/1", body: #"{"name":"math"}"#)
      #expect(half.status == 422)
      #expect(half.wrongFields == ["teacher", "fee"])
      let put = try await http.request(
        "PUT", "/courses/1", body: #"{"name":"math","teacher":"park","fee":20000}"#)
      #expect(put.status == 200)
      #expect(put.json["name"] == "math")
      #expect(put.json["textBook"] == "")
    }
  }

  @Test("what was read can be sent back: links are no fields")
  func roundTrip() async throws {
    try await CourseHarness().withREST { http in
      let created = try await http.request("POST", "/courses", body: Self.httpie)
      let put = try await http.request("PUT", "/courses/1", body: created.text)
      #expect(put.status == 200)
      #expect(put.text == created.text)
    }
  }

  @Test("T50: DELETE is 204 without a body, then there is nothing: 404, not 200 and not 500")
  func deletes() async throws {
    try await CourseHarness(deskSays: [.closed]).withREST { http in
      _ = try await http.request("POST", "/courses", body: Self.httpie)
      let deleted = try await http.request("DELETE", "/courses/1")
      #expect(deleted.status == 204)
      #expect(deleted.body.isEmpty)
      for method in ["GET", "DELETE"] {
        let missing = try await http.request(method, "/courses/1")
        #expect(missing.status == 404)
        #expect(missing.json["code"] == "not-found")
        #expect(missing.json["detail"] == "there is no course 1")
      }
      #expect(try await http.request("GET", "/courses/one").status == 404)
    }
  }

  @Test("T32: the refusal to delete is 409, and 503 says when to come back")
  func refusals() async throws {
    let desk: [ClosingAnswer] = [.refused, .notAsked(reason: "nobody listens")]
    try await CourseHarness(deskSays: desk).withREST { http in
      _ = try await http.request("POST", "/courses", body: Self.httpie)
      let refused = try await http.request("DELETE", "/courses/1")
      #expect(refused.status == 409)
      #expect(refused.json["type"] == "/problems/course-has-enrollments")
      let unavailable = try await http.request("DELETE", "/courses/1")
      #expect(unavailable.status == 503)
      #expect(unavailable.header("Retry-After") == "1")
    }
  }

  @Test("T17: an Idempotency-Key is answered once, taken by one request, and has a form")
  func idempotency() async throws {
    try await CourseHarness().withREST { http in
      let key = [("Idempotency-Key", "\"k-1\"")]
      let first = try await http.request("POST", "/courses", headers: key, body: Self.httpie)
      let again = try await http.request("POST", "/courses", headers: key, body: Self.httpie)
      #expect(again.status == 201)
      #expect(again.header("Location") == first.header("Location"))
      #expect(again.text == first.text)
      let other = try await http.request(
        "POST", "/courses", headers: key, body: #"{"name":"a","teacher":"b","fee":1}"#)
      #expect(other.status == 422)
      #expect(other.json["code"] == "idempotency-key-reused")
      let malformed = try await http.request(
        "POST", "/courses", headers: [("Idempotency-Key", "a b")], body: Self.httpie)
      #expect(malformed.status == 400)
    }
  }

  @Test("T23: deliveries are read only")
  func readOnly() async throws {
    let courses = try CourseHarness()
    try await courses.intake.take([PaymentNews.approved(1)], logID: "log")
    try await courses.withREST { http in
      for (method, path) in [
        ("POST", "/deliveries"), ("PUT", "/deliveries/1"), ("PATCH", "/deliveries/1"),
        ("DELETE", "/deliveries/1"),
      ] {
        let response = try await http.request(method, path, body: "{}")
        #expect(response.status == 405)
        #expect(response.header("Allow") == "GET, HEAD, OPTIONS")
      }
      let delivery = try await http.request("GET", "/deliveries/1")
      #expect(
        delivery.json.text() == #"""
          {"classId":1,"courseId":3,"paymentId":5,"student":"john-doe","textBook":"kor_book",\#
          "status":"DELIVERY_START","_links":{"self":{"href":"http://sugang.test/deliveries/1"},\#
          "delivery":{"href":"http://sugang.test/deliveries/1"}}}
          """#)
      let list = try await http.request("GET", "/deliveries")
      #expect(
        list.json["_links"]?["search"] == ["href": "http://sugang.test/deliveries/search"])
      let search = try await http.request("GET", "/deliveries/search/findByClassId?classId=x")
      #expect(search.wrongFields == ["classId"])
    }
  }

  @Test("a verb that courses do not have is 405 with those they have")
  func allow() async throws {
    try await CourseHarness().withREST { http in
      let all = try await http.request("DELETE", "/courses")
      #expect(all.status == 405)
      #expect(all.header("Allow") == "GET, HEAD, POST, OPTIONS")
      let one = try await http.request("POST", "/courses/1", body: "{}")
      #expect(one.status == 405)
      #expect(one.header("Allow") == "GET, HEAD, PUT, PATCH, DELETE, OPTIONS")
    }
  }
}
