import HTTPClientKit
import JSON
import SystemHarness
import Testing

@Suite("sugang guard", .serialized)
struct GuardCommandTests {
  @Test("an operator sees the guards, stops the calls to Pay and lets them go on, sets limits")
  func guards() async throws {
    let system = try await RunningSugang.start()
    func command(_ arguments: String...) async throws -> (status: Int32, text: String) {
      try await CommandLineTests.run(
        ["guard"] + arguments + ["--port-offset", "\(system.portOffset)"])
    }
    func enroll(_ student: String) async throws -> HTTPResponse {
      try await system.http.request(
        "POST", "/classes", body: #"{"courseId":1,"fee":10000,"student":"\#(student)"}"#)
    }
    let course = try await system.http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":10000,"textBook":"kor_book"}"#)
    #expect(course.status == 201)
    #expect(try await enroll("one").status == 201)

    let all = try await command("list")
    #expect(all.status == 0, "\(all.text)")
    for text in ["class", "gateway", "mypage", "rest", "rpc", "caller", "closed"] {
      #expect(all.text.contains(text), "\(all.text)")
    }
    let opened = try await command("open", "class", "pay")
    #expect(opened.status == 0, "\(opened.text)")
    #expect(opened.text.contains("forced open"), "\(opened.text)")
    // The class is pending until Pay can be asked.
    let pending = try await enroll("two")
    #expect(pending.status == 202, "\(pending.text)")
    let closed = try await command("close", "class", "pay")
    #expect(closed.text.contains("forced closed"), "\(closed.text)")
    let automatic = try await command("auto", "class", "pay")
    #expect(automatic.status == 0)
    #expect(automatic.text.contains("closed"), "\(automatic.text)")
    #expect(!automatic.text.contains("forced"), "\(automatic.text)")
    let again = try await enroll("three")
    #expect(again.status == 201, "\(again.text)")

    let bulkhead = try await command("set", "class", "pay", "--max-calls", "3")
    #expect(bulkhead.status == 0)
    #expect(bulkhead.text.contains("0/3"), "\(bulkhead.text)")
    let json = try await command("list", "class", "--json")
    let rows = try #require(try JSONValue(parsing: json.text).array)
    let pay = try #require(rows.first { $0["name"]?.string == "pay" })
    #expect(pay["maxCalls"]?.int64 == 3)
    #expect(pay["maxWaiting"]?.int64 == 128, "what is not given stays")
    #expect(pay["maxWaitMs"]?.int64 == 250)

    let rate = try await command("set", "gateway", "caller", "--rate", "1/h:2")
    #expect(rate.text.contains("1 in 3600000 ms, burst 2"), "\(rate.text)")
    var last = try await system.http.request("GET", "/courses")
    for _ in 0..<2 { last = try await system.http.request("GET", "/courses") }
    #expect(last.status == 429)
    #expect(last.header("Retry-After") != nil)
    #expect(last.json["code"]?.string == "too-many-requests")
    #expect(try await system.http.request("GET", "/readyz").status == 200)
    #expect(try await command("set", "gateway", "caller", "--rate", "off").status == 0)
    #expect(try await system.http.request("GET", "/courses").status == 200)

    let wrong = try await command("open", "class", "nobody")
    #expect(wrong.status == 1)
    #expect(wrong.text.contains("there is no guard 'nobody' here"), "\(wrong.text)")
    #expect(try await command("set", "class", "pay").status == 2)
    try await system.stop()
  }
}
