import HTTPClientKit
import JSON
import Testing

@Suite("Headers of requests and answers")
struct HeaderTests {
  @Test("every answer names its request", arguments: ["/toys", "/toys/1", "/nothing", "/fail/x"])
  func requestID(path: String) async throws {
    try await withToys { client in
      let first = try await client.request("GET", path)
      let second = try await client.request("GET", path)
      let id = try #require(first.header("Request-Id"))
      #expect(id.utf8.count == 32)
      #expect(id != second.header("Request-Id"))
      if first.status >= 400 { #expect(first.json["request_id"] == .string(id)) }
    }
  }

  @Test("a caller's own request id is taken and reaches the handler")
  func hint() async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/key", headers: [("X-Request-Id", "my-id/1")], body: "{}")
      #expect(response.header("Request-Id") == "my-id/1")
      #expect(response.json["caller"] == "my-id/1")
    }
  }

  @Test(
    "a request id that could break a log is not taken",
    arguments: ["a b", "", String(repeating: "x", count: 129), "é"])
  func badHint(id: String) async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys", headers: [("X-Request-Id", id)])
      #expect(response.header("Request-Id")?.utf8.count == 32)
    }
  }

  @Test(
    "an idempotency key is taken bare and quoted",
    arguments: [("k-1", "k-1"), ("\"k-1\"", "k-1"), (String(repeating: "k", count: 255), nil)])
  func key(line: String, value: String?) async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/key", headers: [("Idempotency-Key", line)], body: "{}")
      #expect(response.json["key"] == .string(value ?? line))
      let none = try await client.request("POST", "/key", body: "{}")
      #expect(none.json["key"]?.isNull == true)
    }
  }

  @Test(
    "an idempotency key that is none, or comes twice, is 400",
    arguments: [
      [""], ["\"\""], ["a b"], ["a", "b"], ["a", "a"], [String(repeating: "k", count: 256)],
    ])
  func badKey(lines: [String]) async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/key", headers: lines.map { ("Idempotency-Key", $0) }, body: "{}")
      #expect(response.status == 400)
      #expect(response.json["code"] == "malformed-idempotency-key")
    }
  }

  @Test("the server does not name its software, the Host header does not reach the links")
  func silence() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys/1", headers: [("Host", "evil.example")])
      #expect(response.header("Server") == nil)
      #expect(response.header("Date") != nil)
      #expect(!response.text.contains("evil"))
    }
  }

  @Test("liveness asks nothing, readiness tells its reasons")
  func health() async throws {
    try await withToys(0) { client in
      let live = try await client.request("GET", "/livez")
      #expect(live.status == 200)
      #expect(live.json == ["status": "ok"])
      let ready = try await client.request("GET", "/readyz")
      #expect(ready.status == 503)
      #expect(ready.json["code"] == "not-ready")
      #expect(ready.json["detail"] == "there are no toys; none")
      #expect(ready.header("Retry-After") == "1")
    }
    try await withToys(1) { client in
      let status = try await client.request("GET", "/readyz").status
      #expect(status == 200)
    }
  }
}
