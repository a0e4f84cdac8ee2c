import AdaptorTestSupport
import EnrollmentCore
import HTTPClientKit
import JSON
import Kernel
import Testing

@Suite("The waiting room over REST")
struct WaitingRoomRESTTests {
  private static let kim = #"{"student":"kim","courseId":"1"}"#
  private static let lee = #"{"student":"lee","courseId":1}"#

  @Test("T43: the whole way: told to wait, a ticket, the turn, the class")
  func wholeWay() async throws {
    try await self.withRoom { http, waiting in
      let refused = try await http.request(
        "POST", "/classes", headers: [("X-Request-Id", "request-7")], body: Self.kim)
      #expect(refused.status == 429)
      #expect(refused.header("Retry-After") == "1")
      #expect(
        refused.json == [
          "type": "/problems/waiting-room", "title": "Please wait for your turn", "status": 429,
          "detail": "take a ticket of the waiting room first", "instance": "/classes",
          "code": "waiting-room", "request_id": "request-7",
          "_links": ["waitingRoom": ["href": "http://sugang.test/waiting-room"]],
        ])
      let first = try await http.request("POST", "/waiting-room", body: Self.kim)
      #expect(first.status == 201)
      #expect(first.json["state"] == "TURN")
      let second = try await http.request("POST", "/waiting-room", body: Self.lee)
      #expect(second.status == 201)
      #expect(second.header("Retry-After") == "20")
      #expect(second.header("Cache-Control") == "no-store")
      let place = try #require(second.header("Location"))
      #expect(
        second.json == [
          "student": "lee", "courseId": 1, "state": "WAITING", "position": 1,
          "estimatedWaitSeconds": 120, "_links": ["self": ["href": .string(place)]],
        ])
      let token = try #require(place.split(separator: "/").last.map { String($0) })
      #expect(place == "http://sugang.test/waiting-room/\(token)")
      #expect(WaitingToken(token) != nil)
      let again = try await http.request("POST", "/waiting-room", body: Self.lee)
      #expect(again.status == 200)
      #expect(again.json == second.json)

      let ticket = [("Waiting-Room-Ticket", token)]
      let early = try await http.request("POST", "/classes", headers: ticket, body: Self.lee)
      #expect(early.status == 429)
      #expect(early.json["detail"] == "the ticket waits at position 1")
      for seconds: Int64 in [50, 50, 20] {
        _ = try await http.request("GET", "/waiting-room/\(token)")
        waiting.harness.clock.advance(seconds: seconds)
      }
      let turn = try await http.request("GET", "/waiting-room/\(token)")
      #expect(turn.status == 200)
      #expect(turn.header("Retry-After") == nil)
      #expect(
        turn.json == [
          "student": "lee", "courseId": 1, "state": "TURN",
          "turnExpiresAt": "2026-03-02T00:04:00.000000Z",
          "_links": [
            "self": ["href": .string(place)], "classes": ["href": "http://sugang.test/classes"],
          ],
        ])
      let created = try await http.request("POST", "/classes", headers: ticket, body: Self.lee)
      #expect(created.status == 201)
      let used = try await http.request("POST", "/classes", headers: ticket, body: Self.lee)
      #expect(used.status == 409)
      #expect(used.json["code"] == "waiting-ticket-used")
      #expect(
        used.json["_links"]?["waitingRoom"]?["href"] == "http://sugang.test/waiting-room")
      let over = try await http.request("GET", "/waiting-room/\(token)")
      #expect(over.json["state"] == "USED")
      #expect(
        over.json["_links"]?["waitingRoom"]?["href"] == "http://sugang.test/waiting-room")
    }
  }

  @Test("there is no list of tickets; what is no ticket is 404, wrong fields are 422")
  func refusals() async throws {
    try await self.withRoom { http, _ in
      let room = try await http.request("GET", "/waiting-room")
      #expect(
        room.json == [
          "mode": "on", "waiting": 0, "turns": 0, "registrations": 0, "limit": 1,
          "admissionsPerMinute": 0,
          "_links": ["self": ["href": "http://sugang.test/waiting-room"]],
        ])
      for token in ["7", String(repeating: "a", count: 32), String(repeating: "A", count: 32)] {
        for method in ["GET", "DELETE"] {
          #expect(try await http.request(method, "/waiting-room/\(token)").status == 404)
        }
      }
      let wrong = try await http.request(
        "POST", "/waiting-room", body: #"{"student":"","course":1}"#)
      #expect(wrong.status == 422)
      #expect(wrong.wrongFields == ["courseId", "course"])
      let nameless = try await http.request(
        "POST", "/waiting-room", body: #"{"student":"","courseId":1}"#)
      #expect(nameless.wrongFields == ["student"])
      let put = try await http.request("PUT", "/waiting-room", body: "{}")
      #expect(put.status == 405)
      #expect(put.header("Allow") == "GET, HEAD, POST, OPTIONS")
    }
  }

  @Test("DELETE is 204 however often")
  func leaves() async throws {
    try await self.withRoom { http, _ in
      let taken = try await http.request("POST", "/waiting-room", body: Self.kim)
      let token = try #require(taken.header("Location")?.split(separator: "/").last)
      for _ in 0..<2 {
        #expect(try await http.request("DELETE", "/waiting-room/\(token)").status == 204)
      }
      #expect(
        try await http.request("GET", "/waiting-room/\(token)").json["state"] == "LEFT")
    }
  }

  /// A room in mode on with one place.
  private func withRoom(
    _ body: @escaping @Sendable (HTTPClient, WaitingRoomHarness) async throws -> Void
  ) async throws {
    let waiting = try WaitingRoomHarness(.on, limit: 1)
    try await waiting.offerCourses()
    try await waiting.withREST { try await body($0, waiting) }
  }
}
