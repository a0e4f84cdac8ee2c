import FramedRPC
import HTTPClientKit
import JSON
import Logging
import NIOCore
import NIOPosix
import RESTSupport
import Synchronization
import Testing

@testable import SugangServices

/// What a REST port takes in, on a clock that the test moves.
@Suite("Admission at a REST port", .timeLimit(.minutes(2)))
struct RESTAdmissionTests {
  private static let loop = MultiThreadedEventLoopGroup.singleton.next()

  private static func arrival(_ verb: HTTPVerb = .post, from address: String? = "10.0.0.1")
    -> RESTArrival
  {
    RESTArrival(verb: verb, path: "/classes", route: 1, address: address)
  }

  private static func problem(_ work: () async throws -> Void) async -> HTTPProblem? {
    do {
      try await work()
      return nil
    } catch {
      return error as? HTTPProblem
    }
  }

  private static func policy(_ limit: Int, queue: Int, _ time: Duration) -> AdmissionPolicy {
    AdmissionPolicy(
      limit: .fixed(limit), maxQueuedCalls: queue, maxQueueTime: time, criticalReserve: 0.5,
      defaultReserve: 0)
  }

  @Test("as many as the limit are let in, the next waits its time and gets 503")
  func limit() async throws {
    let admission = RESTAdmission(
      Self.policy(2, queue: 1, .milliseconds(2)), routes: 2, rate: nil)
    var places: [RESTPlace] = []
    for _ in 0..<2 { places.append(try await admission.enter(Self.arrival(), on: Self.loop)) }
    let problem = await Self.problem {
      _ = try await admission.enter(Self.arrival(), on: Self.loop)
    }
    #expect(problem?.status == 503)
    #expect(problem?.code == "overloaded")
    #expect(problem?.retryAfterSeconds == 1)
    admission.leave(places[0], isMeasured: true)
    _ = try await admission.enter(Self.arrival(), on: Self.loop)
    let statistics = try #require(admission.statistics?())
    #expect(statistics.inFlight == 2)
    #expect(statistics.refusedQueueTime.total == 1)
  }

  @Test("one that waits gets the place that becomes free")
  func waits() async throws {
    let admission = RESTAdmission(
      Self.policy(1, queue: 1, .seconds(60)), routes: 2, rate: nil)
    let first = try await admission.enter(Self.arrival(), on: Self.loop)
    async let second = admission.enter(Self.arrival(), on: Self.loop)
    while admission.statistics?().queued.total != 1 {
      try Task.checkCancellation()
      await Task.yield()
    }
    // The queue is full: who comes now is told before its body is read.
    let problem = await Self.problem { try admission.arrive(Self.arrival()) }
    #expect(problem?.status == 503)
    admission.leave(first, isMeasured: false)
    admission.leave(try await second, isMeasured: false)
    #expect(await Self.problem { try admission.arrive(Self.arrival()) } == nil)
    #expect(admission.statistics?().inFlight == 0)
    #expect(admission.statistics?().refusedQueueFull.critical == 1)
  }

  @Test("/metrics counts who is refused because the port is full, by route like everybody else")
  func refusedAreCounted() async throws {
    let telemetry = ServiceTelemetry(service: .gateway)
    let guards = Guards()
    let routes = Routes()
    routes.on(.get, "/classes/{id}") { _ in .noContent }
    routes.on(.post, "/classes") { _ in .noContent }
    routes.addMetrics { telemetry.prometheusText(guards) }
    let admission = RESTAdmission(
      Self.policy(1, queue: 0, .zero), routes: routes.count, rate: nil)
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let server = RESTServer(
      configuration: RESTServerConfiguration(), routes: routes, admission: admission,
      metrics: telemetry.http, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      onListening: { port.yield($0) })
    let place = try await admission.enter(Self.arrival(), on: Self.loop)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { port.finish() }
        try await server.run()
      }
      group.addTask {
        let http = HTTPClient(port: try #require(await ports.first { _ in true }))
        defer { http.close() }
        for id in 1...3 {
          #expect(try await http.request("GET", "/classes/\(id)").status == 503)
        }
        #expect(try await http.request("POST", "/classes", body: "{}").status == 503)
        admission.leave(place, isMeasured: false)
        #expect(try await http.request("GET", "/classes/4").status == 204)
        let text = try await http.request("GET", "/metrics").text
        let count = "http_server_request_duration_seconds_count"
        for line in [
          #"\#(count){error_type="503",http_request_method="GET","#
            + #"http_response_status_code="503",http_route="/classes/{id}",url_scheme="http"} 3"#,
          #"\#(count){error_type="503",http_request_method="POST","#
            + #"http_response_status_code="503",http_route="/classes",url_scheme="http"} 1"#,
          #"\#(count){http_request_method="GET",http_response_status_code="204","#
            + #"http_route="/classes/{id}",url_scheme="http"} 1"#,
        ] {
          #expect(text.contains("\(line)\n"), "\(text)")
        }
      }
      try await group.next()
      group.cancelAll()
    }
    // All of them at the first look.
    #expect(admission.statistics?().refusedQueueFull.total == 4)
  }

  @Test("who looks leaves room for who enrolls")
  func priorities() async throws {
    let admission = RESTAdmission(Self.policy(2, queue: 0, .zero), routes: 2, rate: nil)
    _ = try await admission.enter(Self.arrival(.get), on: Self.loop)
    let problem = await Self.problem {
      _ = try await admission.enter(Self.arrival(.get), on: Self.loop)
    }
    #expect(problem?.status == 503)
    _ = try await admission.enter(Self.arrival(.post), on: Self.loop)
  }

  @Test("a caller that is too fast gets 429 and when to come again, the others none of it")
  func rate() async throws {
    let time = Mutex(NIODeadline.uptimeNanoseconds(60_000_000_000))
    let now: @Sendable () -> NIODeadline = { time.withLock { $0 } }
    let rate = RateLimiter(
      policy: RateLimitPolicy(permits: 1, per: .seconds(5), burst: 2), now: now)
    let admission = RESTAdmission(nil, routes: 2, rate: rate, now: now)
    #expect(admission.statistics == nil)
    for _ in 0..<2 { #expect(await Self.problem { try admission.arrive(Self.arrival()) } == nil) }
    let problem = await Self.problem { try admission.arrive(Self.arrival()) }
    #expect(problem?.status == 429)
    #expect(problem?.code == "too-many-requests")
    #expect(problem?.retryAfterSeconds == 5)
    #expect(
      await Self.problem { try admission.arrive(Self.arrival(from: "10.0.0.2")) } == nil)
    #expect(await Self.problem { try admission.arrive(Self.arrival(from: nil)) } == nil)
    time.withLock { $0 = $0 + .seconds(5) }
    #expect(await Self.problem { try admission.arrive(Self.arrival()) } == nil)
    _ = try await admission.enter(Self.arrival(), on: Self.loop)
  }
}
