import Contracts
import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("Bearer tokens", .timeLimit(.minutes(2)))
struct BearerTokenTests {
  /// Says who called, and what metadata was left.
  private struct WhoAmI: FramedrpcV1.TestServiceHandler {
    func echo(
      _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.EchoResponse {
      FramedrpcV1.EchoResponse(
        text: context.principal?.name ?? "nobody",
        number: Int64(context.metadata.values(of: "authorization").count))
    }

    func reflect(
      _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.ReflectResponse { .init() }
  }

  private static let tokens = BearerAuthentication(
    tokens: ["alice-token": RPCPrincipal(name: "alice"), "bob-token": RPCPrincipal(name: "bob")])

  private static func withServer(
    _ authentication: BearerAuthentication = BearerTokenTests.tokens,
    _ body: (RPCClient) async throws -> Void
  ) async throws {
    let service = FramedrpcV1.TestService.register(WhoAmI(), on: .eventLoop)
      .intercepted(by: [authentication])
    try await withEndpoint(.inProcess, service: service) { try await body($0.channel) }
  }

  private static func echo(
    _ channel: any RPCChannel, authorization: [String] = []
  ) async throws -> FramedrpcV1.EchoResponse {
    var options = CallSuite.patient
    for value in authorization { try options.metadata.append("authorization", value) }
    return try await FramedrpcV1.TestServiceClient(channel).echo(.init(), options: options)
  }

  @Test("the handler knows who calls, and never sees the token")
  func identity() async throws {
    try await Self.withServer { client in
      let alice = try await Self.echo(client.intercepted(by: [BearerToken("alice-token")]))
      #expect(alice.text == "alice")
      #expect(alice.number == 0)
      let bob = try await Self.echo(client.intercepted(by: [BearerToken { _ in "bob-token" }]))
      #expect(bob.text == "bob")
    }
  }

  @Test("a call's own token wins over the channel's")
  func ownToken() async throws {
    try await Self.withServer { client in
      let channel = client.intercepted(by: [BearerToken("alice-token")])
      var options = CallSuite.patient
      try options.setBearerToken("bob-token")
      let answer = try await FramedrpcV1.TestServiceClient(channel).echo(.init(), options: options)
      #expect(answer.text == "bob")
    }
  }

  @Test(
    "a call without one proper token is UNAUTHENTICATED",
    arguments: [
      ([], "no-token"), (["Bearer wrong"], "invalid-token"), (["Bearer "], "malformed-token"),
      (["Bearer"], "malformed-token"), (["Beareralice-token"], "malformed-token"),
      (["Basic alice-token"], "malformed-token"), (["Bearer alice token"], "malformed-token"),
      (["Bearer alice-token", "Bearer alice-token"], "malformed-token"),
      (["Bearer alice-toke"], "invalid-token"), (["Bearer alice-token="], "invalid-token"),
    ] as [([String], String)])
  func refused(authorization: [String], reason: String) async throws {
    try await Self.withServer { client in
      let error = await rpcError { _ = try await Self.echo(client, authorization: authorization) }
      #expect(error?.status == .unauthenticated)
      #expect(error?.reason == reason)
    }
  }

  @Test("the scheme's name is of any case, behind it stand one or more blanks")
  func scheme() async throws {
    try await Self.withServer { client in
      let answer = try await Self.echo(client, authorization: ["bEARER   bob-token"])
      #expect(answer.text == "bob")
    }
  }

  @Test("who may not do this is PERMISSION_DENIED, and what is exempt is for everybody")
  func permissions() async throws {
    let echo: Set = ["framedrpc.v1.TestService/Echo"]
    let authentication = BearerAuthentication(exempt: echo) { _, call in
      throw RPCError(.permissionDenied, "\(call.method) is not for you")
    }
    try await Self.withServer(authentication) { client in
      let anybody = try await Self.echo(client, authorization: ["Bearer x"])
      #expect(anybody.text == "nobody")
      let channel = client.intercepted(by: [BearerToken("x")])
      let error = await rpcError {
        _ = try await FramedrpcV1.TestServiceClient(channel).reflect(
          .init(), options: CallSuite.patient)
      }
      #expect(error?.status == .permissionDenied)
    }
  }

  @Test("nobody's calls look like those of whoever made them")
  func noLeak() async throws {
    try await Self.withServer(
      BearerAuthentication(exempt: ["framedrpc.v1.TestService/Echo"]) { _, _ in nil }
    ) { client in
      try await RPCPrincipal.$current.withValue(RPCPrincipal(name: "outer")) {
        let answer = try await Self.echo(client)
        #expect(answer.text == "nobody")
      }
    }
  }

  @Test("a provider that has none, or fails, or has what is no token")
  func providers() async throws {
    struct Expired: Error {}
    let mirror = MirrorChannel()
    let none = mirror.intercepted(by: [BearerToken { _ in nil }])
    _ = try await none.call(MirrorChannel.call())
    #expect(mirror.calls.map(\.options.metadata.isEmpty) == [true])
    let failing = mirror.intercepted(by: [BearerToken { _ in throw Expired() }])
    let failure = await rpcError { _ = try await failing.call(MirrorChannel.call()) }
    #expect(failure?.status == .unauthenticated)
    #expect(failure?.reason == "no-token")
    #expect(failure?.notProcessed == true)
    let malformed = mirror.intercepted(by: [BearerToken("two words")])
    let second = await rpcError { _ = try await malformed.call(MirrorChannel.call()) }
    #expect(second?.reason == "malformed-token")
    #expect(mirror.calls.count == 1)
  }

  @Test(
    "what is a token (RFC 6750, b64token)",
    arguments: [
      ("abc", true), ("A-z._~+/09", true), ("abc==", true), ("", false), ("==", false),
      ("a=b", false), ("a b", false), ("a,b", false), ("é", false), ("a\n", false),
    ])
  func grammar(text: String, isToken: Bool) {
    #expect(BearerToken.isToken(text) == isToken)
  }

  @Test(
    "secrets are equal when all their bytes are",
    arguments: [
      ("", "", true), ("a", "a", true), ("abc", "abc", true), ("abc", "abd", false),
      ("abc", "ab", false), ("ab", "abab", false), ("", "a", false), ("a", "", false),
    ])
  func constantTime(secret: String, given: String, areEqual: Bool) {
    #expect(ConstantTime.areEqual(Array(secret.utf8), Array(given.utf8)) == areEqual)
  }
}
