import HTTPClientKit
import JSON
import RESTSupport
import Testing

@Suite("What one request may cost")
struct LimitTests {
  private static let name = #"{"name":"car","fee":1,"note":""#

  @Test("a body may be as large as the limit and not a byte larger", arguments: [0, 1])
  func bodyLimit(extra: Int) async throws {
    let rest = String(repeating: "x", count: 1000 - LimitTests.name.utf8.count - 2 + extra)
    let body = LimitTests.name + rest + "\"}"
    try await withToys(on: .toys { $0.maxBodyBytes = 1000 }) { client in
      let response = try await client.request("POST", "/toys", body: body)
      #expect(response.status == (extra == 0 ? 201 : 413))
      if extra == 1 { #expect(response.json["code"] == "body-too-large") }
    }
  }

  @Test("a chunked body is held to the same limit")
  func chunkedBody() async throws {
    try await withToys(on: .toys { $0.maxBodyBytes = 100 }) { client in
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      let small = #"{"name":"car","fee":1}"#
      let fine = head + "\(String(small.utf8.count, radix: 16))\r\n\(small)\r\n0\r\n\r\n"
      let status = try await client.exchange(raw: fine).status
      #expect(status == 201)
      let chunk = "3c\r\n" + String(repeating: "x", count: 60) + "\r\n"
      let large = head + chunk + chunk + "0\r\n\r\n"
      let tooLarge = try await client.exchange(raw: large).status
      #expect(tooLarge == 413)
    }
  }

  @Test("a body that is announced too large is refused before it comes, and the connection ends")
  func announcedBody() async throws {
    try await withToys { client in
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
      let response = try await client.exchange(raw: head)
      #expect(response.status == 413)
      #expect(response.header("Connection") == "close")
    }
  }

  @Test("a route may word what is refused before it is asked, and repeat a header")
  func ownWords() async throws {
    try await withToys(on: .toys { $0.maxBodyBytes = 10 }) { client in
      let refused = try await client.request("POST", "/plain", body: "01234567890")
      #expect(refused.status == 429)
      #expect(refused.text == "body-too-large")
      let taken = try await client.request("POST", "/plain", body: "0123456789")
      #expect(taken.status == 204)
      let via = taken.headers.filter { $0.name.lowercased() == "via" }
      #expect(via.map(\.value) == ["one", "two"])
    }
  }

  @Test("a body that does not come in time ends the connection")
  func bodyDeadline() async throws {
    try await withToys(on: .toys { $0.bodyTimeout = .milliseconds(50) }) { client in
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
      await #expect(throws: HTTPClientError.closed) { try await client.exchange(raw: head) }
      let status = try await client.request("GET", "/toys").status
      #expect(status == 200)
    }
  }

  @Test("a connection without a request is closed")
  func idleConnection() async throws {
    try await withToys(on: .toys { $0.idleTimeout = .milliseconds(50) }) { client in
      await #expect(throws: HTTPClientError.closed) { try await client.exchange(raw: "GET /to") }
    }
  }

  @Test("bytes that are not HTTP get a problem too", arguments: ["x\r\n\r\n", "GET /toys\r\n\r\n"])
  func notHTTP(raw: String) async throws {
    try await withToys { client in
      let response = try await client.exchange(raw: raw)
      #expect(response.status == 400)
      #expect(response.json["code"] == "malformed-http")
      #expect(response.header("Request-Id") != nil)
    }
  }

  @Test(
    "headers have a limit", arguments: [(1, 20_000), (101, 1), (20, 1000)])
  func headerLimit(lines: Int, bytes: Int) async throws {
    try await withToys { client in
      let header = ("X-Big", String(repeating: "x", count: bytes))
      let response = try await client.request(
        "GET", "/toys", headers: Array(repeating: header, count: lines))
      #expect(response.status == 431)
      #expect(response.header("Content-Type") == "application/problem+json")
      #expect(response.json["code"] == "headers-too-large")
    }
  }

  @Test("the target has a limit, also when it comes in parts", arguments: [9_000, 20_000, 100_000])
  func targetLimit(bytes: Int) async throws {
    try await withToys { client in
      let short = try await client.request("GET", "/toys?x=" + String(repeating: "x", count: 8_000))
      #expect(short.status == 200)
      // On the connection of a request with a body, which does not end in a line feed.
      let body = #"{"name":"car","fee":1}"#
      #expect(try await client.request("POST", "/toys", body: body).status == 201)
      let path = "/toys?x=" + String(repeating: "x", count: bytes)
      let response = try await client.request("GET", path)
      #expect(response.status == 414)
      #expect(response.json["code"] == "target-too-long")
      #expect(response.header("Connection") == "close")
    }
  }

  @Test("a connection serves one request after another, also with problems between")
  func keepAlive() async throws {
    try await withToys { client in
      for path in ["/toys", "/nothing", "/toys/1", "/fail/x", "/toys"] {
        let response = try await client.request("GET", path)
        #expect(response.header("Connection") == nil)
      }
      let response = try await client.request("GET", "/toys", headers: [("Connection", "close")])
      #expect(response.status == 200)
    }
  }

  @Test("many requests at once are all answered")
  func concurrency() async throws {
    try await withToys { client in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<50 {
          group.addTask {
            try await client.request("POST", "/toys", body: #"{"name":"car","fee":1}"#).status
          }
        }
        for try await status in group { #expect(status == 201) }
      }
      let list = try await client.request("GET", "/toys")
      #expect(list.json["page"]?["totalElements"] == 51)
    }
  }
}
