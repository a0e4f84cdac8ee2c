import HTTPClientKit
import JSON
import Testing
import W3CTrace

@Suite("Traces and metrics over HTTP")
struct TelemetryTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00-\(trace)-00f067aa0ba902b7-01"

  @Test("a request's trace goes on, with a span of its own")
  func continues() async throws {
    try await withToys { client in
      let answer = try await client.request(
        "GET", "/trace",
        headers: [("Traceparent", Self.parent), ("tracestate", "a=1"), ("tracestate", "b=2")])
      let parent = try #require(answer.json["parent"]?.string)
      #expect(parent.hasPrefix("00-\(Self.trace)-"))
      #expect(parent.hasSuffix("-01"))
      #expect(parent != Self.parent)
      #expect(answer.json["state"] == "a=1,b=2")
    }
  }

  @Test(
    "a request without a proper trace begins one",
    arguments: [[], ["00-nonsense"], [parent, parent]])
  func begins(lines: [String]) async throws {
    try await withToys { client in
      let answer = try await client.request(
        "GET", "/trace", headers: lines.map { ("traceparent", $0) } + [("tracestate", "a=1")])
      let parent = try #require(answer.json["parent"]?.string)
      #expect(TraceContext(parents: [parent]) != nil)
      #expect(!parent.contains(Self.trace))
      #expect(answer.json["state"] == "")
    }
  }

  @Test("metrics are exposition format 0.0.4")
  func metrics() async throws {
    try await withToys(3) { client in
      let answer = try await client.request("GET", "/metrics")
      #expect(answer.status == 200)
      #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
      #expect(answer.text == "toys 3\n")
      let wrong = try await client.request("POST", "/metrics", body: "{}")
      #expect(wrong.status == 405)
    }
  }
}
