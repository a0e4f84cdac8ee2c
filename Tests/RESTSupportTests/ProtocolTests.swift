import HTTPClientKit
import JSON
import RESTSupport
import Testing

@Suite("What HTTP itself asks of a server", .timeLimit(.minutes(1)))
struct ProtocolTests {
  private static let car = #"{"name":"car","fee":1}"#

  // MARK: Expect

  @Test(
    "who waits for 100 Continue gets it, and then sends the body",
    arguments: ["Content-Length: 22", "Transfer-Encoding: chunked"])
  func continues(framing: String) async throws {
    try await withToys { client in
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\n\(framing)\r\nExpect: 100-Continue\r\n\r\n"
      let isChunked = framing.contains("chunked")
      let body = isChunked ? "16\r\n\(Self.car)\r\n0\r\n\r\n" : Self.car
      let text = try await converse(
        port: client.port, [(head, await: "\r\n\r\n"), (body, await: "\"car\"")])
      #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"))
    }
  }

  @Test(
    "who waits with a body that is not wanted is told so at once",
    arguments: [
      ("POST /nothing", 10, 404), ("PUT /toys", 10, 405), ("POST /toys", 1_000_000, 413),
      ("GET /toys", 10, 200),
    ])
  func refusesTheBody(line: String, length: Int, status: Int) async throws {
    try await withToys { client in
      let head =
        "\(line) HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\nExpect: 100-continue\r\n\r\n"
      let text = try await converse(port: client.port, [(head, await: "\r\n\r\n")])
      #expect(text.hasPrefix("HTTP/1.1 \(status) "))
      #expect(text.contains("Connection: close"))
    }
  }

  @Test("HTTP/1.0 has no 100 Continue")
  func continuesNotInHTTP10() async throws {
    try await withToys { client in
      let head = "POST /toys HTTP/1.0\r\nContent-Length: 22\r\nExpect: 100-continue\r\n\r\n"
      let text = try await converse(port: client.port, [(head + Self.car, await: nil)])
      #expect(text.hasPrefix("HTTP/1.1 201 "))
    }
  }

  @Test("other expectations are 417")
  func otherExpectation() async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/toys", headers: [("Expect", "gold"), ("X-Request-Id", "r-1")], body: Self.car)
      #expect(response.status == 417)
      #expect(response.json["code"] == "expectation-failed")
      #expect(response.json["instance"] == "/toys")
      #expect(response.json["request_id"] == "r-1")
    }
  }

  // MARK: How long a connection lasts

  @Test(
    "a connection ends after the answer that the client says is its last",
    arguments: [
      "GET /toys HTTP/1.0\r\n\r\n", "GET /toys HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
      "GET /toys HTTP/1.1\r\nHost: x\r\n\r\nGET /toys HTTP/1.0\r\n\r\nGET /toys HTTP/1.0\r\n\r\n",
    ])
  func lastRequest(requests: String) async throws {
    try await withToys(on: .toys { $0.idleTimeout = .seconds(3600) }) { client in
      let text = try await converse(port: client.port, [(requests, await: nil)])
      let answers = text.split(separator: "HTTP/1.1 200 OK")
      #expect(answers.count == (requests.contains("1.1\r\nHost: x\r\n\r\n") ? 2 : 1))
      #expect(answers.map { $0.contains("Connection: close") }.last == true)
    }
  }

  @Test("HTTP/1.0 may ask to keep the connection, and is told that it stays")
  func keepAlive() async throws {
    try await withToys { client in
      let request = "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
      let text = try await converse(
        port: client.port, [(request, await: "\"ok\""), (request, await: "\"ok\"")])
      #expect(text.split(separator: "Connection: keep-alive").count == 3)
    }
  }

  @Test("an upgrade is not taken, and the connection does not hang after it")
  func upgrade() async throws {
    try await withToys(on: .toys { $0.idleTimeout = .seconds(3600) }) { client in
      let request = """
        GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n
        """
      for _ in 0..<2 {
        let response = try await client.exchange(raw: request)
        #expect(response.status == 200)
        #expect(response.header("Connection") == "close")
      }
    }
  }

  // MARK: Host

  @Test(
    "a request for no host, or for two, is 400",
    arguments: [
      "", "Host:\r\n", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: u@a\r\n",
      "Host: :80\r\n", "Host: a:b\r\n", "Host: [::1\r\n", "Host: a,b:80:90\r\n",
    ])
  func badHost(lines: String) async throws {
    try await withToys { client in
      let response = try await client.exchange(raw: "GET /toys HTTP/1.1\r\n\(lines)\r\n")
      #expect(response.status == 400)
      #expect(response.json["code"] == "bad-host")
      #expect(response.header("Connection") == "close")
    }
  }

  @Test(
    "names and addresses are hosts",
    arguments: ["localhost", "sugang.example:8088", "127.0.0.1:1", "[::1]:8088", "[::1]", "a:"])
  func goodHost(host: String) async throws {
    try await withToys { client in
      let status = try await client.request("GET", "/toys", headers: [("Host", host)]).status
      #expect(status == 200)
    }
  }

  @Test("requests before one that cannot be served are answered first")
  func order() async throws {
    try await withToys { client in
      let text = try await converse(
        port: client.port,
        [
          (
            "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"
              + "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", await: nil
          )
        ])
      let statuses = text.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
      #expect(statuses == ["200", "400"])
    }
  }

  @Test("a refused HEAD has no body")
  func refusedHead() async throws {
    try await withToys { client in
      let text = try await converse(port: client.port, [("HEAD / HTTP/1.1\r\n\r\n", await: nil)])
      #expect(text.hasPrefix("HTTP/1.1 400 "))
      #expect(text.hasSuffix("\r\n\r\n"))
    }
  }

  // MARK: Framing and methods

  @Test(
    "a transfer coding that is not exactly chunked is refused, not read as if it were",
    arguments: [
      ("gzip, chunked", "1.1"), ("gzip", "1.1"), ("identity", "1.1"), ("chunked", "1.0"),
      ("gzip\r\nTransfer-Encoding: chunked", "1.1"),
    ])
  func transferCoding(coding: String, version: String) async throws {
    try await withToys { client in
      let head = "POST /toys HTTP/\(version)\r\nHost: x\r\nTransfer-Encoding: \(coding)\r\n\r\n"
      let response = try await client.exchange(raw: head + "16\r\n\(Self.car)\r\n0\r\n\r\n")
      #expect(response.status == 501)
      #expect(response.json["code"] == "transfer-coding-not-implemented")
      #expect(response.header("Connection") == "close")
      #expect(try await client.request("GET", "/toys").json["page"]?["totalElements"] == 1)
    }
  }

  @Test(
    "a body with two ways to find its end is refused",
    arguments: ["Content-Length: 22", "Transfer-Encoding: chunked"])
  func twoFramings(line: String) async throws {
    try await withToys { client in
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\(line)\r\n\r\n"
      let response = try await client.exchange(raw: head + "16\r\n\(Self.car)\r\n0\r\n\r\n")
      #expect(response.status == 400)
      #expect(response.json["code"] == "malformed-http")
      #expect(response.header("Connection") == "close")
    }
  }

  @Test("a method that nobody knows is 501", arguments: ["BREW", "get", "GETS", "X-Y"])
  func unknownMethod(method: String) async throws {
    try await withToys { client in
      for _ in 0..<2 {
        #expect(try await client.request("GET", "/toys").status == 200)
        let response = try await client.request(method, "/toys")
        #expect(response.status == 501)
        #expect(response.json["code"] == "method-not-implemented")
      }
    }
  }
}
