import HTTPClientKit
import MetricsTestKit
import RESTSupport
import Synchronization
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

  @Test(
    "who is refused before a handler is asked counts as who is refused later",
    arguments: [true, false])
  func refused(early: Bool) async throws {
    let metrics = TestMetrics()
    let problem = HTTPProblem.overloaded("too much to do", retryAfterSeconds: 2)
    let door = Door(atLook: early ? problem : nil, atArrival: early ? nil : problem)
    try await withToys(admission: door, metrics: HTTPServerMetrics(factory: metrics)) { client in
      for (method, path, status) in [
        ("GET", "/toys/1", 503), ("GET", "/toys/2", 503), ("HEAD", "/toys/1", 503),
        ("POST", "/toys", 503), ("DELETE", "/toys/1", 503),
        // In the words of the route.
        ("POST", "/plain", 429),
        // Not refused, and counted once.
        ("GET", "/livez", 200), ("GET", "/no/such/path", 404), ("PUT", "/toys", 405),
      ] {
        let answer = try await client.request(method, path)
        #expect(answer.status == status, "\(method) \(path)")
      }
    }
    #expect(door.seen.withLock { $0.arrivals.count } == (early ? 0 : 6))
    let gets = try Self.durations(metrics, "GET", "/toys/{id}", "503", isError: true)
    #expect(gets.count == 2)
    #expect(gets.allSatisfy { (0..<60).contains($0) })
    for (method, route, status) in [
      ("HEAD", "/toys/{id}", "503"), ("POST", "/toys", "503"), ("DELETE", "/toys/{id}", "503"),
      ("POST", "/plain", "429"), ("GET", "/livez", "200"), ("GET", nil, "404"),
      ("PUT", nil, "405"),
    ] as [(String, String?, String)] {
      let found = try Self.durations(
        metrics, method, route, status, isError: status == "503")
      #expect(found.count == 1, "\(method) \(route ?? "no route") \(status)")
    }
    // Nobody is left in flight.
    #expect(try Self.active(metrics, "GET").last == 0)
  }
}
