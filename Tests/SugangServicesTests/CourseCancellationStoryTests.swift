import HTTPClientKit
import JSON
import Logging
import SugangServices
import TestSupport
import Testing

@Suite("A canceled course, through the gateway")
struct CourseCancellationStoryTests {
  @Test("X1: everybody is out and has everything given back, by one command of the teacher")
  func story() async throws {
    let folder = try TemporaryFolder()
    let system = try await InProcessSystem.start(
      settings: ServiceSettings(dataFolder: folder.path), logger: Self.quiet)
    let http = HTTPClient(
      port: try #require(system.restPorts[.gateway]), deadline: .seconds(60))
    _ = try await http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":10000,"textBook":"kor_book"}"#)
    for student in ["a", "b", "c"] {
      let answer = try await http.request(
        "POST", "/classes", body: #"{"courseId":1,"student":"\#(student)"}"#)
      #expect(answer.status == 201)
    }
    try await Self.wait("the gifts are given") {
      try await Self.sum(http, "gifts", "giftstock") == 3
    }

    let accepted = try await http.request("POST", "/courses/1/cancellation")
    #expect([200, 202].contains(accepted.status))
    try await Self.wait("the cancellation is over") {
      try await http.request("GET", "/courses/1/cancellation").json["state"] == "CANCELED"
    }
    let over = try await http.request("GET", "/courses/1/cancellation")
    #expect(over.json["total"] == 3)
    #expect(over.json["canceled"] == 3)
    #expect(over.json["remaining"] == 0)
    let late = try await http.request("POST", "/classes", body: #"{"courseId":1,"student":"d"}"#)
    #expect(late.status == 409)
    #expect(late.json["code"] == "course-closed")
    try await Self.wait("all is given back") {
      let payments = try await http.request("GET", "/payments").json
      let deliveries = try await http.request("GET", "/deliveries").json
      let points = try await Self.sum(http, "points", "cashpoint")
      let gifts = try await Self.sum(http, "gifts", "giftstock")
      return Self.statuses(payments, "payments") == ["CANCEL"]
        && Self.statuses(deliveries, "deliveries") == ["DELIVERY_CANCEL"]
        && points == 0 && gifts == 0
    }
    try await Self.wait("students and the teacher are told") {
      let student = try await http.request("GET", "/alerts/search/findByRecipient?recipient=a")
      let teacher = try await http.request("GET", "/alerts/search/findByRecipient?recipient=hong")
      return student.text.contains("ClassCanceled") && teacher.text.contains("CourseCanceled")
    }
    #expect(try await http.request("DELETE", "/courses/1").status == 204)
    http.close()
    try await system.stop()
  }

  private static func statuses(_ page: JSONValue, _ collection: String) -> Set<String> {
    Set(page["_embedded"]?[collection]?.array?.compactMap { $0["status"]?.string } ?? [])
  }

  private static func sum(
    _ http: HTTPClient, _ collection: String, _ field: String
  ) async throws -> Int64 {
    let page = try await http.request("GET", "/\(collection)").json
    return page["_embedded"]?[collection]?.array?.reduce(0) { $0 + ($1[field]?.int64 ?? 0) } ?? -1
  }

  private static func wait(_ what: String, until isSo: () async throws -> Bool) async throws {
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
