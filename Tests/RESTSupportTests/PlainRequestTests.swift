import NIOCore
import Testing

@testable import RESTSupport

@Suite("Requests that are plain")
struct PlainRequestTests {
  private static func read(
    _ text: String, _ limits: RESTServerConfiguration = RESTServerConfiguration()
  ) -> PlainRequest? {
    PlainRequest(ByteBuffer(string: text).readableBytesUInt8Span, limits)
  }

  private static let host = "Host: sugang.example\r\n"

  @Test(
    "what the usual clients send",
    arguments: [
      ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPVerb.get, "/", 0),
      ("GET /toys/1?page=3&sort=name,asc HTTP/1.1\r\n\(host)\r\n", .get, "/toys/1", 0),
      (
        "POST /toys HTTP/1.1\r\nhost: 127.0.0.1:8088\r\nuser-agent: curl/8.5.0\r\naccept: */*\r\n"
          + "content-length: 2\r\ncontent-type: application/json\r\n\r\n{}", .post, "/toys", 2
      ),
      ("PUT /a HTTP/1.1\r\n\(host)Content-Length:0\r\n\r\n", .put, "/a", 0),
      ("PATCH /a-b._~9 HTTP/1.1\r\n\(host)Content-Length: 7 \r\n\r\n", .patch, "/a-b._~9", 7),
      ("DELETE /toys/1 HTTP/1.1\r\n\(host)Connection: Keep-Alive\r\n\r\n", .delete, "/toys/1", 0),
    ])
  func plain(text: String, verb: HTTPVerb, path: String, body: Int) throws {
    let request = try #require(Self.read(text))
    #expect(request.verb == verb)
    #expect(Array(text.utf8)[request.path] == Array(path.utf8)[...])
    #expect(request.bodyBytes == body)
    #expect(request.requestID == nil)
    let end = try #require(text.firstRange(of: "\r\n\r\n"))
    #expect(request.headBytes == text.utf8.distance(from: text.startIndex, to: end.upperBound))
    // No part of it is enough.
    for count in 0..<request.headBytes {
      #expect(Self.read(String(text.utf8.prefix(count))!) == nil, "\(count) bytes")
    }
  }

  @Test("whoever names the request")
  func named() throws {
    let text = "GET /a HTTP/1.1\r\n\(Self.host)X-REQUEST-ID:  a-1.2 \r\n\r\n"
    let range = try #require(Self.read(text)?.requestID)
    #expect(Array(text.utf8)[range] == Array("a-1.2".utf8)[...])
  }

  @Test(
    "what may be read in two ways, or needs more than a look, is left to the decoder",
    arguments: [
      "", "GET", "HEAD / HTTP/1.1\r\n\(host)\r\n", "OPTIONS * HTTP/1.1\r\n\(host)\r\n",
      "get / HTTP/1.1\r\n\(host)\r\n", "\r\nGET / HTTP/1.1\r\n\(host)\r\n",
      "GET  / HTTP/1.1\r\n\(host)\r\n", "GET / HTTP/1.0\r\n\(host)\r\n",
      "GET / HTTP/1.1\n\(host)\r\n", "GET / HTTP/1.1 \r\n\(host)\r\n",
      "GET toys HTTP/1.1\r\n\(host)\r\n", "GET ?a HTTP/1.1\r\n\(host)\r\n",
      "GET http://a/ HTTP/1.1\r\n\(host)\r\n", "GET /%41 HTTP/1.1\r\n\(host)\r\n",
      "GET /a\"b HTTP/1.1\r\n\(host)\r\n", "GET /a#b HTTP/1.1\r\n\(host)\r\n",
      "GET /\u{e4} HTTP/1.1\r\n\(host)\r\n", "GET /?a=\"b HTTP/1.1\r\n\(host)\r\n",
      // Host
      "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\(host)\(host)\r\n",
      "GET / HTTP/1.1\r\nHost: \r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
      // How long it is
      "POST / HTTP/1.1\r\n\(host)Content-Length: \r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: +1\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 1,1\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 0x1\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 1234567890\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)transfer-encoding: identity\r\nContent-Length: 1\r\n\r\n",
      // What happens to the connection
      "GET / HTTP/1.1\r\n\(host)Connection: close\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)Connection: keep-alive, upgrade\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)Proxy-Connection: close\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)Upgrade: h2c\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nExpect: 100-continue\r\n\r\n",
      "POST / HTTP/1.1\r\n\(host)Content-Length: 1\r\nTrailer: a\r\n\r\n",
      // Lines
      "GET / HTTP/1.1\r\n\(host)a\r\n\r\n", "GET / HTTP/1.1\r\n\(host): a\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)a : b\r\n\r\n", "GET / HTTP/1.1\r\n\(host)a: b\r\n c\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)a: b\nc: d\r\n\r\n", "GET / HTTP/1.1\r\n\(host)a: \u{e4}\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)a: \u{0}\r\n\r\n", "GET / HTTP/1.1\r\n\(host)a: b\rc\r\n\r\n",
      // Names of the request that JSON writes in another way, or that are not accepted
      "GET / HTTP/1.1\r\n\(host)X-Request-Id: \r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)X-Request-Id: a\"\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)X-Request-Id: a\r\nX-Request-Id: a\r\n\r\n",
      "GET / HTTP/1.1\r\n\(host)X-Request-Id: \(String(repeating: "a", count: 129))\r\n\r\n",
    ])
  func notPlain(text: String) {
    #expect(Self.read(text) == nil)
  }

  @Test("never more than a server's own limits let in")
  func limits() {
    let line = "GET /\(String(repeating: "a", count: 100)) HTTP/1.1\r\n"
    let lines = String(repeating: "a: b\r\n", count: PlainRequest.maxHeaderLines - 1)
    let whole = line + Self.host + lines + "\r\n"
    #expect(Self.read(whole) != nil)
    #expect(Self.read(line + Self.host + lines + "a: b\r\n\r\n") == nil)
    let long = String(repeating: "b", count: PlainRequest.maxHeadBytes)
    #expect(Self.read(line + Self.host + "a: \(long)\r\n\r\n") == nil)
    for limit in [
      \RESTServerConfiguration.maxRequestLineBytes, \.maxHeaderBytes, \.maxHeaderLines,
    ] {
      var limits = RESTServerConfiguration()
      limits[keyPath: limit] = 20
      #expect(Self.read(whole, limits) == nil)
    }
  }
}
