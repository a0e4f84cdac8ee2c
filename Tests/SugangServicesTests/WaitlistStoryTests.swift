import HTTPClientKit
import JSON
import Logging
import SugangServices
import TestSupport
import Testing

@Suite("A full course and its line, through the gateway")
struct WaitlistStoryTests {
  @Test("the next in line is told, comes too late, and the one after takes the seat")
  func story() async throws {
    let folder = try TemporaryFolder()
    var settings = ServiceSettings(dataFolder: folder.path)
    settings.seatOfferSeconds = 1
    let system = try await InProcessSystem.start(settings: settings, logger: Self.quiet)
    let http = HTTPClient(
      port: try #require(system.restPorts[.gateway]), deadline: .seconds(60))
    let course = try await http.request(
      "POST", "/courses", body: #"{"name":"korean","teacher":"hong","fee":10000,"capacity":1}"#)
    #expect(course.json["capacity"] == 1)
    func enroll(_ student: String) async throws -> HTTPResponse {
      try await http.request(
        "POST", "/classes", body: #"{"courseId":1,"student":"\#(student)"}"#)
    }
    #expect(try await enroll("a").status == 201)
    let full = try await enroll("b")
    #expect(full.status == 409)
    #expect(full.json["code"] == "course-full")
    for student in ["b", "c"] {
      let joined = try await http.request(
        "POST", "/waitlist", body: #"{"courseId":1,"student":"\#(student)"}"#)
      #expect(joined.status == 201)
    }
    let second = try await http.request("GET", "/waitlist/2")
    #expect(second.json["position"] == 2)
    #expect(second.json["state"] == "WAITING")

    #expect(try await http.request("DELETE", "/classes/1").status == 204)
    for student in ["b", "c"] {
      try await Self.wait("\(student) is told of the seat") {
        let alerts = try await http.request(
          "GET", "/alerts/search/findByRecipient?recipient=\(student)")
        return alerts.text.contains("SeatOffered")
      }
    }
    let place = try await http.request("GET", "/waitlist/1")
    #expect(place.json["state"] == "EXPIRED")
    // Late or not: nobody else waits, so that the seat is free for c.
    #expect(try await enroll("c").status == 201)
    #expect(try await enroll("b").status == 409)
    http.close()
    try await system.stop()
  }

  private static func wait(
    _ what: String, until isSo: () async throws -> Bool
  ) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while try await !isSo() {
      guard ContinuousClock.now < end else {
        Issue.record("not within a minute: \(what)")
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}
