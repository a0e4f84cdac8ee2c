import AdaptorTestSupport
import EnrollmentCore
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("The waitlist over REST")
struct WaitlistRESTTests {
  @Test(
    "a place has its state and its position; an offer says until when, a taken seat whose it is")
  func shape() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    try await classes.withREST { http in
      let enrolled = try await http.request(
        "POST", "/classes", body: #"{"courseId": 1, "student": "a"}"#)
      #expect(enrolled.status == 201)
      let joined = try await http.request(
        "POST", "/waitlist", body: #"{"courseId": "1", "student": "b"}"#)
      #expect(joined.status == 201)
      #expect(joined.header("Location") == "http://sugang.test/waitlist/1")
      #expect(
        joined.text == """
          {
            "courseId" : 1,
            "student" : "b",
            "state" : "WAITING",
            "position" : 1,
            "joinedAt" : "2026-03-02T00:00:00.000000Z",
            "_links" : {
              "self" : {
                "href" : "http://sugang.test/waitlist/1"
              },
              "waitlistEntry" : {
                "href" : "http://sugang.test/waitlist/1"
              }
            }
          }
          """)
      #expect(try await http.request("DELETE", "/classes/1").status == 204)
      let offered = try await http.request("GET", "/waitlist/1").json
      #expect(offered["state"] == "OFFERED")
      #expect(offered["position"] == nil)
      #expect(offered["offerExpiresAt"] == "2026-03-02T00:15:00.000000Z")
      let taken = try await http.request(
        "POST", "/classes", body: #"{"courseId": 1, "student": "b"}"#)
      #expect(taken.status == 201)
      let place = try await http.request("GET", "/waitlist/1").json
      #expect(place["state"] == "TAKEN")
      #expect(place["classId"] == 2)
      #expect(place["offerExpiresAt"] == nil)
    }
  }

  @Test("searches are offered; wrong requests are told what is wrong; a place is left for good")
  func requests() async throws {
    let classes = try EnrollmentHarness()
    try await classes.hear(CourseNews.registered(1, capacity: 1))
    try await classes.withREST { http in
      let index = try await http.request("GET", "/waitlist/search").text
      #expect(index.contains("findByStudent{?student}"))
      #expect(index.contains("findByCourse{?courseId}"))
      let wrong = try await http.request("POST", "/waitlist", body: #"{"fee": 1}"#)
      #expect(wrong.status == 422)
      #expect(wrong.wrongFields.sorted() == ["courseId", "fee", "student"])
      let free = try await http.request(
        "POST", "/waitlist", body: #"{"courseId": 1, "student": "a"}"#)
      #expect(free.status == 409)
      #expect(free.json["code"] == "course-has-seats")
      #expect(try await http.request("PUT", "/waitlist/1", body: "{}").status == 405)
      #expect(try await http.request("DELETE", "/waitlist/1").status == 404)
      _ = try await http.request(
        "POST", "/classes", body: #"{"courseId": 1, "student": "a"}"#)
      _ = try await http.request(
        "POST", "/waitlist", body: #"{"courseId": 1, "student": "b"}"#)
      let line = try await http.request("GET", "/waitlist/search/findByCourse?courseId=1").json
      #expect(line["_embedded"]?["waitlist"]?.array?.count == 1)
      #expect(try await http.request("DELETE", "/waitlist/1").status == 204)
      #expect(try await http.request("GET", "/waitlist/1").status == 404)
      let history = try await http.request(
        "GET", "/waitlist/search/findByStudent?student=b"
      ).json
      #expect(history["_embedded"]?["waitlist"]?.array?.first?["state"] == "LEFT")
    }
  }
}
