import Contracts
import FramedRPC
import HTTPClientKit
import JSON
import Logging
import NIOPosix
import SugangServices
import TestSupport
import Testing

/// What services tell of their calls, and whom they let in.
@Suite("Interceptors of all services", .timeLimit(.minutes(3)))
struct TelemetryTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let token = "a-token-of-some-length"

  @Test("one trace goes from the gateway through class and pay, and on with their events")
  func oneTrace() async throws {
    try await Self.withSystem { system in
      let status = try await Self.enroll(
        system, traceParent: "00-\(Self.trace)-00f067aa0ba902b7-01")
      #expect(status == 201)
      // Class and Pay wrote theirs while the gateway waited, Course later, after Class's event.
      for (name, type) in [
        (ServiceName.class, "ClassRegistered"), (.pay, "PaymentApproved"),
        (.course, "TextbookDeliveried"),
      ] {
        let event = try await Self.firstEvent(of: name, type, system)
        #expect(event.traceContext.hasPrefix("00-\(Self.trace)-"), "\(name): \(event)")
        #expect(event.traceContext.hasSuffix("-01"))
      }
    }
  }

  @Test("every service counts its own calls at /metrics, in names that Prometheus takes")
  func metrics() async throws {
    try await Self.withSystem { system in
      #expect(try await Self.enroll(system) == 201)
      for name in ServiceName.allCases {
        let text = try await Self.metrics(of: name, system)
        #expect(text.contains("target_info{service_name=\"\(name.rawValue)\"} 1\n"))
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
          #expect(line.wholeMatch(of: /[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? [0-9.e+-]+/) != nil)
        }
      }
      let enroll = #"rpc_method="sugang.enrollment.v1.EnrollmentService/Enroll""#
      let ok = #"{\#(enroll),rpc_status_code="OK",rpc_system_name="framedrpc"} 1"#
      let gateway = try await Self.metrics(of: .gateway, system)
      #expect(gateway.contains("rpc_client_call_duration_seconds_count\(ok)"), "\(gateway)")
      let created =
        #"http_request_method="POST",http_response_status_code="201",http_route="/classes""#
      #expect(
        gateway.contains(
          "http_server_request_duration_seconds_count{\(created),url_scheme=\"http\"} 1\n"),
        "\(gateway)")
      // The one that asks.
      #expect(
        gateway.contains(
          #"http_server_active_requests{http_request_method="GET",url_scheme="http"} 1"# + "\n"))
      let service = try await Self.metrics(of: .class, system)
      #expect(service.contains("rpc_server_call_duration_seconds_count\(ok)"), "\(service)")
      #expect(service.contains("rpc_client_call_duration_seconds_bucket{"))
      #expect(
        service.contains(
          "rpc_server_active_calls{\(enroll),rpc_system_name=\"framedrpc\"} 0\n"))
      let pay = try await Self.metrics(of: .pay, system)
      #expect(
        pay.contains(
          #"rpc_server_request_size_bytes_count{rpc_method="sugang.pay.v1.PayService/Approve""#))
    }
  }

  @Test("the guards of a service are at /metrics and /admin/resilience, but not on the public port")
  func guards() async throws {
    try await Self.withSystem { system in
      #expect(try await Self.enroll(system) == 201)
      let text = try await Self.metrics(of: .class, system)
      for line in [
        #"guard_circuit_phase{guard="pay",phase="closed"} 1"#,
        #"guard_circuit_phase{guard="pay",phase="open"} 0"#,
        #"guard_circuit_forced{guard="pay"} 0"#, #"guard_bulkhead_running{guard="pay"} 0"#,
        #"guard_bulkhead_waiting{guard="pay"} 0"#, #"guard_bulkhead_limit{guard="pay"} 256"#,
        #"guard_refused_total{guard="pay",reason="bulkhead-full"} 0"#,
        #"guard_refused_total{guard="pay",reason="circuit-open"} 0"#,
        #"admission_refused_total{door="rest",reason="queue-time"} 0"#,
        #"admission_running{door="rpc"} 0"#,
      ] {
        #expect(text.contains("\(line)\n"), "\(line)")
      }
      let address = try #require(system.rpcAddresses[.class])
      let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
      defer { client.shutdown() }
      _ = try await FramedrpcV1.ResilienceServiceClient(client).setCircuit(
        .init(name: "pay", mode: .forcedOpen), options: CallOptions(timeout: .seconds(60)))
      let forced = try await Self.metrics(of: .class, system)
      #expect(forced.contains("guard_circuit_phase{guard=\"pay\",phase=\"open\"} 1\n"))
      #expect(forced.contains("guard_circuit_forced{guard=\"pay\"} 1\n"))

      let http = HTTPClient(port: try #require(system.restPorts[.class]))
      defer { http.close() }
      let admin = try await http.request("GET", "/admin/resilience")
      #expect(admin.status == 200)
      let pay = try #require(admin.json["guards"]?.array?.first { $0["name"]?.string == "pay" })
      #expect(pay["circuit"]?["phase"]?.string == "open")
      #expect(pay["circuit"]?["mode"]?.string == "forced-open")
      #expect(pay["bulkhead"]?["limit"]?.int64 == 256)
      #expect(pay["retryBudget"]?["retriesLeft"]?.int64 != nil)
      #expect(
        admin.json["admissions"]?.array?.compactMap { $0["name"]?.string } == ["rest", "rpc"])
      #expect(admin.json["deadline"]?["hopMarginMs"]?.int64 == 5)
      let door = HTTPClient(port: try #require(system.restPorts[.gateway]))
      defer { door.close() }
      #expect(try await door.request("GET", "/admin/resilience").status == 404)
      #expect(
        try await door.request(
          "POST", "/framedrpc.v1.ResilienceService/ListGuards", body: "{}"
        ).status == 404)
    }
  }

  @Test("with a token every RPC port demands it, and the services send it to each other")
  func token() async throws {
    try await Self.withSystem(token: Self.token) { system in
      // Through the gateway, Class and Pay; and the point that follows an event.
      #expect(try await Self.enroll(system) == 201)
      _ = try await Self.firstEvent(of: .point, "PointRegistered", system)
      let port = try #require(system.restPorts[.gateway])
      let http = HTTPClient(port: port)
      #expect(try await http.request("GET", "/readyz").status == 200)
      http.close()

      for (name, address) in system.rpcAddresses {
        let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
        defer { client.shutdown() }
        for channel in [client, client.intercepted(by: [BearerToken("another-token-of-length")])] {
          let error = await #expect(throws: RPCError.self) {
            try await Self.health(channel)
          }
          #expect(error?.status == .unauthenticated, "\(name)")
        }
        #expect(
          try await Self.health(client.intercepted(by: [BearerToken(Self.token)])) == .serving)
      }
    }
  }

  @Test("a server tells of the channels by which its process calls the others")
  func channels() async throws {
    try await Self.withSystem { system in
      #expect(try await Self.enroll(system) == 201)
      let address = try #require(system.rpcAddresses[.class])
      let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
      defer { client.shutdown() }
      let answer = try await FramedrpcV1.StatisticsServiceClient(client).listChannels(
        .init(), options: CallOptions(timeout: .seconds(60)))
      let pay = try #require(answer.channels.first { $0.name == "pay" })
      let calls = pay.rows.first?.values.first { $0.name == "calls" }
      #expect(try #require(calls).value >= 1)
      #expect(pay.rows.count == 2, "the client as a whole, and its one endpoint")
    }
  }

  // MARK: -

  private static func withSystem(
    token: String? = nil, _ body: (InProcessSystem) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let system = try await InProcessSystem.start(
      settings: ServiceSettings(dataFolder: folder.path, rpcToken: token), logger: Self.quiet)
    do {
      try await body(system)
    } catch {
      try await system.stop()
      throw error
    }
    try await system.stop()
  }

  private static func enroll(
    _ system: InProcessSystem, traceParent: String? = nil
  ) async throws -> Int {
    let http = HTTPClient(
      port: try #require(system.restPorts[.gateway]), deadline: .seconds(60))
    defer { http.close() }
    let course = try await http.request(
      "POST", "/courses",
      body: #"{"name":"korean","teacher":"hong","fee":10000,"textBook":"kor_book"}"#)
    #expect(course.status == 201)
    return try await http.request(
      "POST", "/classes", headers: traceParent.map { [("traceparent", $0)] } ?? [],
      body: #"{"courseId":1,"fee":10000,"student":"john-doe"}"#
    ).status
  }

  private static func metrics(of name: ServiceName, _ system: InProcessSystem) async throws
    -> String
  {
    let http = HTTPClient(port: try #require(system.restPorts[name]))
    defer { http.close() }
    return try await http.request("GET", "/metrics").text
  }

  /// Waits on the feed until there is one.
  private static func firstEvent(
    of name: ServiceName, _ type: String, _ system: InProcessSystem
  ) async throws -> EventsV1.Event {
    let address = try #require(system.rpcAddresses[name])
    let client = RPCClient(address: address, group: MultiThreadedEventLoopGroup.singleton)
    defer { client.shutdown() }
    let feed = EventsV1.EventFeedServiceClient(client.intercepted(by: [BearerToken(Self.token)]))
    for _ in 0..<60 {
      let answer = try await feed.fetch(
        .init(after: 0, max: 1, waitMs: 1_000, types: [type]),
        options: CallOptions(timeout: .seconds(60)))
      if let event = answer.events.first { return event }
    }
    throw NoEvent(name: name)
  }

  private struct NoEvent: Error {
    let name: ServiceName
  }

  private static func health(
    _ channel: any RPCChannel
  ) async throws -> FramedrpcV1.ServingStatus {
    try await FramedrpcV1.HealthServiceClient(channel).check(
      .init(), options: CallOptions(timeout: .seconds(60))
    ).status
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}
