import HTTPClientKit
import MetricsTestKit
import RESTSupport
import Testing

@Suite("Metrics of requests", .timeLimit(.minutes(1)))
struct HTTPMetricsTests {
  private static func durations(
    _ metrics: TestMetrics, _ method: String, _ route: String?, _ status: String,
    isError: Bool = false
  ) throws -> [Double] {
    let dimensions =
      [("http.request.method", method), ("url.scheme", "http")]
      + (route.map { [("http.route", $0)] } ?? []) + [("http.response.status_code", status)]
      + (isError ? [("error.type", status)] : [])
    return try metrics.expectRecorder("http.server.request.duration", dimensions).values
  }

  private static func active(_ metrics: TestMetrics, _ method: String) throws -> [Double] {
    try metrics.expectMeter(
      "http.server.active_requests", [("http.request.method", method), ("url.scheme", "http")]
    ).values
  }

  @Test("durations by method, pattern of the path and status, in seconds")
  func durations() async throws {
    let metrics = TestMetrics()
    try await withToys(2, metrics: HTTPServerMetrics(factory: metrics)) { client in
      for (method, path, status) in [
        ("GET", "/toys/1", 200), ("GET", "/toys/2", 200), ("GET", "/toys/3", 404),
        ("HEAD", "/toys/1", 200), ("GET", "/fail/broken", 500), ("GET", "/no/such/path", 404),
        ("PUT", "/trace", 405), ("OPTIONS", "/toys", 204),
      ] {
        let answer = try await client.request(method, path)
        #expect(answer.status == status, "\(method) \(path)")
      }
    }
    let found = try Self.durations(metrics, "GET", "/toys/{id}", "200")
    #expect(found.count == 2)
    #expect(found.allSatisfy { (0..<60).contains($0) })
    #expect(try Self.durations(metrics, "GET", "/toys/{id}", "404").count == 1)
    #expect(try Self.durations(metrics, "HEAD", "/toys/{id}", "200").count == 1)
    #expect(try Self.durations(metrics, "GET", "/fail/{how}", "500", isError: true).count == 1)
    // Nothing of a path that anybody can make up.
    #expect(try Self.durations(metrics, "GET", nil, "404").count == 1)
    #expect(try Self.durations(metrics, "PUT", nil, "405").count == 1)
    #expect(try Self.durations(metrics, "OPTIONS", nil, "204").count == 1)
    #expect(try Self.active(metrics, "GET") == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
  }

  @Test("methods that are not HTTP's own count together")
  func methods() async throws {
    let metrics = TestMetrics()
    try await withToys(metrics: HTTPServerMetrics(factory: metrics)) { client in
      for method in ["PROPFIND", "MKCOL"] {
        let answer = try await client.request(method, "/toys")
        #expect(answer.status == 405)
      }
    }
    #expect(try Self.durations(metrics, "_OTHER", nil, "405").count == 2)
    #expect(try Self.active(metrics, "_OTHER") == [1, 0, 1, 0])
  }
}
