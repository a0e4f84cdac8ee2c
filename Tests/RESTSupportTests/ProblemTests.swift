import HTTPClientKit
import JSON
import Testing

@Suite("Answers that are problems")
struct ProblemTests {
  @Test("a problem has the members of RFC 9457 and our own")
  func shape() async throws {
    try await withToys { client in
      let response = try await client.request(
        "GET", "/fail/domain?x=1", headers: [("X-Request-Id", "r-1")])
      #expect(response.status == 409)
      #expect(response.header("Content-Type") == "application/problem+json")
      #expect(
        response.text == #"""
          {"type":"/problems/toy-lost","title":"The toy is lost","status":409,\#
          "detail":"look under the bed","instance":"/fail/domain","code":"toy-lost",\#
          "request_id":"r-1"}
          """#)
    }
  }

  @Test(
    "each kind of problem has its status",
    arguments: [
      ("invalid", 422), ("notFound", 404), ("conflict", 409), ("declined", 402),
      ("keyReused", 422), ("unavailable", 503), ("tooMany", 429),
      ("failed", 502),
    ])
  func kinds(kind: String, status: Int) async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/fail/\(kind)")
      #expect(response.status == status)
      #expect(response.json["code"] == .string("toy-\(kind)"))
      #expect(response.header("Retry-After") == ([429, 503].contains(status) ? "1" : nil))
    }
  }

  @Test("a problem that says when to ask again says it in Retry-After")
  func retryAfter() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/fail/key-running")
      #expect(response.status == 409)
      #expect(response.header("Retry-After") == "1")
    }
  }

  @Test("a request that the shutdown cut short is 503")
  func canceled() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/fail/canceled")
      #expect(response.status == 503)
      #expect(response.header("Retry-After") == "1")
    }
  }

  @Test("an unknown error is a 500 that tells nothing of it")
  func internalError() async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/fail/unknown")
      #expect(response.status == 500)
      #expect(response.json["code"] == "internal-error")
      #expect(!response.text.contains("Broken"))
      #expect(!response.text.contains("secret"))
      let next = try await client.request("GET", "/toys/1")
      #expect(next.status == 200)
    }
  }

  @Test("an unknown path is 404", arguments: ["/", "/toy", "/toys/1/x", "//toys", "/toys//"])
  func noSuchRoute(path: String) async throws {
    try await withToys { client in
      for method in ["GET", "POST", "OPTIONS", "TRACE"] {
        let response = try await client.request(method, path)
        #expect(response.status == 404)
        #expect(response.json["code"] == "no-such-route")
        #expect(response.json["instance"] == .string(path))
      }
    }
  }

  @Test(
    "an id that is none is 404",
    arguments: ["abc", "0x1", "01", "-1", "1.0", "9223372036854775808", "%00", "9"])
  func noSuchID(id: String) async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys/\(id)")
      #expect(response.status == 404)
    }
  }

  @Test(
    "a verb that a path does not offer is 405 and says which are",
    arguments: [
      ("PUT", "/toys", "GET, HEAD, POST, OPTIONS"),
      ("DELETE", "/toys", "GET, HEAD, POST, OPTIONS"),
      ("POST", "/toys/1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
      ("TRACE", "/toys/1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
      ("PURGE", "/toys/", "GET, HEAD, POST, OPTIONS"),
      ("POST", "/toys/search/findByName", "GET, HEAD, OPTIONS"),
      ("HEAD", "/key", "POST, OPTIONS"),
    ])
  func methodNotAllowed(method: String, path: String, allow: String) async throws {
    try await withToys { client in
      let response = try await client.request(method, path)
      #expect(response.status == 405)
      #expect(response.header("Allow") == allow)
      if method != "HEAD" { #expect(response.json["code"] == "method-not-allowed") }
      let options = try await client.request("OPTIONS", path)
      #expect(options.status == 204)
      #expect(options.header("Allow") == allow)
    }
  }

  @Test("HEAD answers what GET does, without the body")
  func head() async throws {
    try await withToys { client in
      let get = try await client.request("GET", "/toys/1")
      let head = try await client.request("HEAD", "/toys/1")
      #expect(head.status == 200)
      #expect(head.body.isEmpty)
      #expect(head.header("Content-Length") == String(get.body.count))
      let status = try await client.request("HEAD", "/toys/99").status
      #expect(status == 404)
    }
  }

  @Test(
    "a body that is not JSON is 400 and says where",
    arguments: [
      ("", "empty"), ("{", "byte 1"), ("{\"a\":1,\"a\":2}", "byte 7"), ("name=car", "byte 0"),
      ("{} x", "byte 3"),
    ])
  func malformed(body: String, words: String) async throws {
    try await withToys { client in
      let response = try await client.request("POST", "/toys", body: body)
      #expect(response.status == 400)
      #expect(response.json["code"] == "malformed-json")
      #expect(response.json["detail"]?.string?.contains(words) == true)
    }
  }

  @Test(
    "other media types than JSON are 415",
    arguments: [
      ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
      ("application/json-patch+json", 415), ("application/jsonx", 415), ("", 415),
      ("application/json, text/plain", 415), ("application/json", 201),
      ("Application/JSON; charset=utf-8", 201), ("application/hal+json", 201),
      ("application/json;charset=utf-8", 201), ("application/merge-patch+json", 201),
    ])
  func mediaTypes(type: String, status: Int) async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/toys", headers: [("Content-Type", type)], body: #"{"name":"car","fee":1}"#)
      #expect(response.status == status)
      if status == 415 { #expect(response.json["code"] == "unsupported-media-type") }
    }
  }

  @Test("a body without a media type is read as JSON, a compressed one is not")
  func codings() async throws {
    try await withToys { client in
      let body = #"{"name":"car","fee":1}"#
      let head = "POST /toys HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n"
      let plain = try await client.exchange(raw: head + "\r\n" + body).status
      #expect(plain == 201)
      let gzip = head + "Content-Encoding: gzip\r\n\r\n" + body
      let compressed = try await client.exchange(raw: gzip).status
      #expect(compressed == 415)
    }
  }

  @Test(
    "a wrong paging or search parameter is 422 and named",
    arguments: [
      ("/toys?page=-1", "page"), ("/toys?page=x", "page"), ("/toys?page=", "page"),
      ("/toys?page=1&page=2", "page"), ("/toys?size=0", "size"), ("/toys?size=1001", "size"),
      ("/toys?size=99999999999999999999", "size"), ("/toys?sort=colour", "sort"),
      ("/toys?sort=name,up", "sort"), ("/toys?sort=name,asc,desc", "sort"), ("/toys?sort=", "sort"),
      ("/toys/search/findByName", "name"), ("/toys/search/findByName?name=", "name"),
      ("/toys/search/findByName?name=a&name=b", "name"), ("/toys/search/findById?id=x", "id"),
      ("/toys/search/findById?id=1.5", "id"), ("/toys/search/findByFee?fee=1&size=0", "size"),
    ])
  func parameters(path: String, field: String) async throws {
    try await withToys { client in
      let response = try await client.request("GET", path)
      #expect(response.status == 422)
      #expect(response.json["errors"]?[0]?["field"] == .string(field))
    }
  }

  @Test("a broken escape in the query is 400", arguments: ["%", "%4", "%zz", "%ff", "%00"])
  func malformedQuery(escape: String) async throws {
    try await withToys { client in
      let response = try await client.request("GET", "/toys?x=\(escape)")
      #expect(response.status == 400)
      #expect(response.json["code"] == "malformed-query")
    }
  }

  @Test(
    "every sort that a page can have is taken", arguments: ["id", "name,DESC", "fee,asc&sort=id"])
  func sorts(sort: String) async throws {
    try await withToys { client in
      let status = try await client.request("GET", "/toys?sort=\(sort)").status
      #expect(status == 200)
    }
  }
}
