import HTTPClientKit
import JSON
import Testing

@Suite("Writing to a resource")
struct WritingTests {
  @Test("POST answers 201 with the place and the thing")
  func create() async throws {
    try await withToys { client in
      let response = try await client.request("POST", "/toys", body: #"{"name":"car","fee":100}"#)
      #expect(response.status == 201)
      #expect(response.header("Location") == "http://sugang.example/toys/2")
      #expect(response.json["fee"] == 100)
      #expect(response.json["name"] == "car")
    }
  }

  @Test(
    "an integer may come as a decimal string, as httpie sends it",
    arguments: [
      (#""10000""#, 10000), ("10000", 10000), (#""0""#, 0), (#""-0""#, 0), (#""007""#, 7),
    ])
  func integerStrings(fee: String, won: Int64) async throws {
    try await withToys { client in
      let response = try await client.request("PATCH", "/toys/1", body: "{\"fee\":\(fee)}")
      #expect(response.status == 200)
      #expect(response.json["fee"] == .integer(won))
    }
  }

  @Test(
    "other texts and numbers are not integers",
    arguments: [
      #""""#, #"" 1""#, #""1 ""#, #""+1""#, #""1.0""#, #""1e3""#, #""--1""#, #""-""#, #""0x1""#,
      #""9223372036854775808""#, "9223372036854775808", "1.0", "1e3", "true", "null", "[]", "{}",
      #""１""#, "-1", #""-1""#, "1000000001",
    ])
  func notIntegers(fee: String) async throws {
    try await withToys { client in
      let response = try await client.request("PATCH", "/toys/1", body: "{\"fee\":\(fee)}")
      #expect(response.status == 422)
      #expect(response.json["errors"]?[0]?["field"] == "fee")
    }
  }

  @Test("everything that is wrong with a body is told at once")
  func allProblems() async throws {
    try await withToys { client in
      let response = try await client.request(
        "POST", "/toys", body: #"{"name":7,"note":null,"colour":"red","_links":{}}"#)
      #expect(response.status == 422)
      #expect(response.json["code"] == "validation-failed")
      #expect(
        response.json["errors"] == [
          ["field": "name", "reason": "must be a string, got a number"],
          ["field": "fee", "reason": "is missing"],
          ["field": "note", "reason": "must not be null"],
          ["field": "colour", "reason": "is not a field of this resource"],
        ])
      let list = try await client.request("GET", "/toys")
      #expect(list.json["page"]?["totalElements"] == 1)
    }
  }

  @Test("a body that is JSON but no object is 422", arguments: ["[]", "1", "\"x\"", "null"])
  func noObject(body: String) async throws {
    try await withToys { client in
      let response = try await client.request("POST", "/toys", body: body)
      #expect(response.status == 422)
      #expect(response.json["errors"]?[0]?["field"] == "body")
    }
  }

  @Test("PATCH leaves what is not sent as it was")
  func patch() async throws {
    try await withToys { client in
      let response = try await client.request(
        "PATCH", "/toys/1", headers: [("Content-Type", "application/merge-patch+json")],
        body: #"{"fee":5}"#)
      #expect(response.status == 200)
      #expect(response.json["name"] == "toy-1")
      #expect(response.json["fee"] == 5)
    }
  }

  @Test("DELETE answers 204 and nothing else")
  func delete() async throws {
    try await withToys { client in
      let response = try await client.request("DELETE", "/toys/1")
      #expect(response.status == 204)
      #expect(response.body.isEmpty)
      #expect(response.header("Content-Type") == nil)
      #expect(response.header("Content-Length") == nil)
      #expect(response.header("Transfer-Encoding") == nil)
      let status = try await client.request("GET", "/toys/1").status
      #expect(status == 404)
    }
  }

  @Test("202 says where and when to look again")
  func accepted() async throws {
    try await withToys { client in
      let response = try await client.request("POST", "/accepted", body: "{}")
      #expect(response.status == 202)
      #expect(response.header("Location") == "http://sugang.example/toys/7")
      #expect(response.header("Retry-After") == "3")
    }
  }
}
