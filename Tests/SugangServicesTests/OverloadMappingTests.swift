import FramedRPC
import Gateway
import HTTPClientKit
import JSON
import Logging
import NIOCore
import RESTSupport
import ServiceLifecycle
import Testing

/// What the public hears when a service behind the gateway has too much to do: never a 500, a 502 or
/// a 504.
@Suite("Overload behind the gateway", .timeLimit(.minutes(3)))
struct OverloadMappingTests {
  struct Failing: RPCChannel {
    let error: RPCError

    func call(_ call: RPCCall) async throws -> ByteBuffer { throw self.error }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream { throw self.error }
  }

  static let errors: [RPCError] = [
    RPCError(
      .resourceExhausted, "the server is overloaded", reason: RPCError.overloadedReason,
      notProcessed: true, overloaded: true),
    RPCError(
      .resourceExhausted, "too many calls wait", reason: "bulkhead-full", notProcessed: true),
    RPCError(.resourceExhausted, "too many calls in flight", notProcessed: true),
    RPCError(.unavailable, "the circuit is open", reason: "circuit-open", notProcessed: true),
    RPCError(.unavailable, "the connection was closed"),
    RPCError(.unavailable, "nobody listens at 127.0.0.1:9083", notProcessed: true),
    RPCError(.deadlineExceeded, "no answer before the deadline"),
    RPCError(
      .deadlineExceeded, "the deadline passed while the call waited",
      reason: RPCError.overloadedReason, notProcessed: true, overloaded: true),
    RPCError(.deadlineExceeded, "took too long", reason: "server-time-limit"),
    RPCError(.cancelled, "the server cancelled the call"),
  ]

  /// Something of every collection.
  static let pages: [(verb: String, path: String, body: String?)] = [
    ("GET", "/courses", nil), ("GET", "/courses/1", nil),
    ("POST", "/courses", #"{"name":"korean","teacher":"hong","fee":1,"textBook":"kor"}"#),
    ("PATCH", "/courses/1", #"{"fee":2}"#), ("DELETE", "/courses/1", nil),
    ("GET", "/classes", nil), ("GET", "/classes/1", nil),
    ("POST", "/classes", #"{"courseId":1,"fee":10000,"student":"john-doe"}"#),
    ("DELETE", "/classes/1", nil), ("GET", "/payments", nil), ("GET", "/payments/1", nil),
    ("GET", "/points", nil), ("GET", "/gifts", nil), ("GET", "/alerts", nil),
    ("GET", "/deliveries", nil), ("GET", "/inquiryMypages", nil),
    ("GET", "/inquiryMypages/search/findByStudent?student=john-doe", nil),
  ]

  @Test("every page answers 503 and says when to come again", arguments: errors)
  func rest(error: RPCError) async throws {
    try await Self.withGateway(failing: error) { http async throws in
      for (verb, path, body) in Self.pages {
        let response = try await http.request(verb, path, body: body)
        #expect(response.status == 503, "\(verb) \(path): \(response.text)")
        #expect(response.header("Retry-After") == "1")
        #expect(response.header("Content-Type") == "application/problem+json")
        #expect(!response.text.contains("127.0.0.1:9083"), "addresses are not for the public")
      }
    }
  }

  @Test(
    "Connect answers with its own codes, which are 503 or 429, and the same header",
    arguments: errors)
  func connect(error: RPCError) async throws {
    try await Self.withGateway(failing: error) { http async throws in
      let response = try await http.request(
        "POST", "/sugang.course.v1.CourseService/GetCourse", body: #"{"id":1}"#)
      if error.status == .cancelled {
        // Connect's own word for it, which is no server's fault to it.
        #expect(response.status == 499)
        return
      }
      #expect([429, 503].contains(response.status), "\(response.text)")
      let isOverload = error.status != .resourceExhausted || error.overloaded
      #expect((response.header("Retry-After") == "1") == isOverload, "\(response.text)")
    }
  }

  @Test("who is not let in hears it in the protocol that it speaks", arguments: [true, false])
  func refusedConnect(atFirstLook: Bool) async throws {
    struct Closed: RequestAdmission {
      let problem: HTTPProblem
      let atFirstLook: Bool

      func isFull(for verb: HTTPVerb, running: Int) -> Bool { self.atFirstLook }

      func refuseIfFull(_ verb: HTTPVerb, running: Int) -> HTTPProblem? {
        self.atFirstLook ? self.problem : nil
      }

      func arrive(_ arrival: RESTArrival) throws { throw self.problem }

      func enter(_ arrival: RESTArrival, on loop: any EventLoop) async throws -> RESTPlace {
        throw self.problem
      }

      func leave(_ place: RESTPlace, isMeasured: Bool) {}
    }
    for (problem, code) in [
      (HTTPProblem.overloaded("too much to do", retryAfterSeconds: 3), "unavailable"),
      (.tooManyRequests(retryAfterSeconds: 3), "resource_exhausted"),
    ] {
      let door = Closed(problem: problem, atFirstLook: atFirstLook)
      try await Self.withGateway(admission: door) { http async throws in
        let connect = try await http.request(
          "POST", "/sugang.course.v1.CourseService/GetCourse", body: #"{"id":1}"#)
        #expect(connect.status == problem.status)
        #expect(connect.json["code"]?.string == code)
        #expect(connect.json["message"]?.string == problem.detail)
        #expect(connect.header("Retry-After") == "3")
        let rest = try await http.request("GET", "/courses")
        #expect(rest.status == problem.status)
        #expect(rest.json["code"]?.string == problem.code)
      }
    }
  }

  private static func withGateway(
    failing error: RPCError = RPCError(.unavailable, "away"),
    admission: (any RequestAdmission)? = nil,
    _ body: @escaping @Sendable (HTTPClient) async throws -> Void
  ) async throws {
    try await self.withGateway(to: Failing(error: error), admission: admission, body)
  }

  /// A gateway that has the same channel to every service.
  static func withGateway(
    to channel: any RPCChannel, admission: (any RequestAdmission)? = nil,
    _ body: @escaping @Sendable (HTTPClient) async throws -> Void
  ) async throws {
    let gateway = Gateway(
      backends: Gateway.Backends(
        course: channel, enrollment: channel, pay: channel, point: channel, gift: channel,
        alert: channel, mypage: channel, health: channel),
      links: Links(publicBaseURL: "http://sugang.example"))
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    let server = RESTServer(
      configuration: RESTServerConfiguration(), routes: Routes(gateway.adaptors),
      admission: admission, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      onListening: { port.yield($0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { port.finish() }
        try await server.run()
      }
      group.addTask {
        guard let port = await ports.first(where: { _ in true }) else { return }
        let client = HTTPClient(port: port)
        defer { client.close() }
        try await body(client)
      }
      try await group.next()
      group.cancelAll()
    }
  }
}
