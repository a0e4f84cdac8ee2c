import AdaptorSupport
import AdaptorTestSupport
import FramedRPC
import HTTPClientKit
import JSON
import NIOCore
import RESTSupport
import Storage
import TestSupport
import Testing

@testable import SugangServices

/// What the public hears of a service that fails, and of one whose store has closed: a 500 is kept
/// for what is broken in the process that answers.
@Suite("Services that fail, and stores that close", .timeLimit(.minutes(3)))
struct BackendFailureTests {
  /// No core said these, and no caller can mend them.
  static let failures: [RPCError] = [
    RPCError(.internal, "the handler failed at 127.0.0.1:9083"),
    RPCError(.unknown, "something at 127.0.0.1:9083"),
    RPCError(.dataLoss, "the answer is cut off"),
    RPCError(.unimplemented, "no such method"),
    RPCError(.unauthenticated, "no token"),
    RPCError(.permissionDenied, "no certificate"),
    RPCError(.invalidArgument, "the request cannot be read"),
    RPCError(.aborted, "given up"),
  ]

  @Test(
    "502, and Retry-After unless asking again could make one more of it", arguments: failures)
  func failure(error: RPCError) async throws {
    let channel = OverloadMappingTests.Failing(error: error)
    try await OverloadMappingTests.withGateway(to: channel) { http async throws in
      for (verb, path, body) in OverloadMappingTests.pages {
        let response = try await http.request(verb, path, body: body)
        try Self.expectFailure(response, mayRepeat: verb != "POST", "\(verb) \(path)")
        guard verb == "POST" else { continue }
        let keyed = try await http.request(
          verb, path, headers: [("Idempotency-Key", "mine")], body: body)
        try Self.expectFailure(keyed, mayRepeat: true, "\(verb) \(path) with a key")
      }
    }
  }

  private static func expectFailure(
    _ response: HTTPResponse, mayRepeat: Bool, _ request: Comment
  ) throws {
    #expect(response.status == 502, request)
    #expect(response.header("Content-Type") == "application/problem+json", request)
    #expect(response.json["code"] == "dependency-failed", request)
    #expect(response.header("Retry-After") == (mayRepeat ? "1" : nil), request)
    let detail = try #require(response.json["detail"]?.string)
    #expect(detail.contains("look before you ask again") == !mayRepeat, request)
    #expect(!response.text.contains("127.0.0.1"), "addresses are not for the public")
  }

  @Test("an answer that makes no sense is the fault of who gave it")
  func nonsense() async throws {
    struct Mute: RPCChannel {
      // No bytes: a message without any of its fields.
      func call(_ call: RPCCall) async throws -> ByteBuffer { ByteBuffer() }

      func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
        throw RPCError(.internal, "nothing is streamed here")
      }
    }
    try await OverloadMappingTests.withGateway(to: Mute()) { http async throws in
      let course = try await http.request("GET", "/courses/1")
      try Self.expectFailure(course, mayRepeat: true, "GET /courses/1")
    }
  }

  @Test(
    "a request that came in time for the doors and late for the store may come again",
    arguments: ServiceName.allCases.filter { $0 != .gateway })
  func closedStore(name: ServiceName) async throws {
    let folder = try TemporaryFolder()
    let settings = ServiceSettings(dataFolder: folder.path)
    let peers = Peers(settings: settings, network: InProcessNetwork())
    defer { peers.shutdown() }
    let parts = try compose(
      ServiceEnvironment(
        name: name, settings: settings, peers: peers, logger: ContextHarness.quiet,
        links: Links(publicBaseURL: "http://sugang.example"),
        telemetry: ServiceTelemetry(service: name)))
    let storage = try #require(parts.storage)
    await storage.database.close()

    let adaptors = { (_: Links) in parts.restAdaptors }
    let asked = try await ContextHarness.withREST(adaptors) { http async throws in
      try await Self.expectUnavailable(of: name, http)
    }
    #expect(asked > 0)
    try await ContextHarness.withRPC(parts.rpcServices) { channel in
      try await OverloadMappingTests.withGateway(to: channel) { http async throws in
        _ = try await Self.expectUnavailable(of: name, http)
      }
    }
  }

  private static let collections: [ServiceName: [String]] = [
    .course: ["/courses", "/deliveries"], .class: ["/classes", "/waiting-room", "/waitlist"],
    .pay: ["/payments"], .point: ["/points"], .gift: ["/gifts"], .alert: ["/alerts"],
    .mypage: ["/inquiryMypages"],
  ]

  /// - Returns: How many pages were asked for.
  private static func expectUnavailable(
    of name: ServiceName, _ http: HTTPClient
  ) async throws -> Int {
    let own = try #require(self.collections[name])
    let pages = OverloadMappingTests.pages.filter { page in
      own.contains { page.path.hasPrefix($0) }
    }
    for (verb, path, body) in pages {
      let response = try await http.request(verb, path, body: body)
      #expect(response.status == 503, "\(verb) \(path): \(response.text)")
      #expect(response.header("Retry-After") == "1", "\(verb) \(path)")
      #expect(response.json["code"] == "dependency-unavailable", "\(verb) \(path)")
    }
    return pages.count
  }
}
