import Contracts
import FramedRPC
import NIOCore
import Testing

/// A handler that calls the next server: what travels along, and what must not.
@Suite("Nested calls", .timeLimit(.minutes(2)))
struct NestedCallTests {
  /// Answers Echo with the answer of another server.
  struct Relay: FramedrpcV1.TestServiceHandler {
    let next: FramedrpcV1.TestServiceClient
    var options = CallOptions(timeout: nil)

    func echo(
      _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.EchoResponse {
      try await self.next.echo(request, options: self.options)
    }

    func reflect(
      _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
    ) async throws -> FramedrpcV1.ReflectResponse {
      try await self.next.reflect(request, options: self.options)
    }
  }

  private func withTwoHops(
    _ transport: Transport, backLimits: RPCLimits = .standard,
    _ body: (_ front: Endpoint, _ back: Endpoint) async throws -> Void
  ) async throws {
    try await withEndpoint(transport, limits: backLimits) { back in
      let relay = FramedrpcV1.TestService.register(Relay(next: back.client))
      try await withEndpoint(transport, service: relay) { front in
        try await body(front, back)
      }
    }
  }

  @Test(
    "a nested call inherits the deadline, and the shorter one wins", arguments: Transport.allCases)
  func deadline(_ transport: Transport) async throws {
    try await self.withTwoHops(transport) { front, back in
      let answer = try await front.client.echo(
        .init(), options: CallOptions(timeout: .seconds(1_000)))
      #expect((1...1_000_000).contains(answer.remainingMs))
      let error = await rpcError {
        _ = try await front.client.echo(
          .init(number: 1, delayMs: 1), options: CallOptions(timeout: .milliseconds(20)))
      }
      #expect(error?.status == .deadlineExceeded)
      await back.handler.wait { $0.started.contains(1) == $0.cancelled.contains(1) }
    }
  }

  @Test(
    "a nested call carries the request id, and no other metadata", arguments: Transport.allCases)
  func requestID(_ transport: Transport) async throws {
    try await self.withTwoHops(transport) { front, back in
      var options = CallOptions(timeout: nil)
      try options.metadata.append("request-id", "r-77")
      try options.metadata.append("other", "x")
      let passedOn = try await front.client.echo(.init(), options: options).requestID
      #expect(passedOn == "r-77")
      let metadata = try #require(back.handler.snapshot.contexts.first).metadata
      #expect(metadata.entries.map(\.key) == ["request-id"])
      let without = try await front.client.echo(.init(), options: CallSuite.patient).requestID
      #expect(without == "")
    }
  }

  @Test(
    "a request id that is no visible text is not passed on", arguments: ["a\u{0}b", "a b", "é", ""])
  func hostileRequestID(_ id: String) async throws {
    try await self.withTwoHops(.inProcess) { front, back in
      var options = CallOptions(timeout: nil)
      try options.metadata.append("request-id", id)
      let passedOn = try await front.client.echo(.init(), options: options).requestID
      #expect(passedOn == "")
      let metadata = try #require(back.handler.snapshot.contexts.first).metadata
      #expect(metadata.isEmpty)
    }
  }

  @Test("a request id of its own is not overwritten")
  func ownRequestID() async throws {
    try await withEndpoint(.inProcess) { endpoint in
      var outer = RPCMetadata()
      try outer.append("request-id", "outer")
      var options = CallOptions(timeout: nil)
      try options.metadata.append("request-id", "own")
      let sent = options
      let answer = try await RPCContext.$current.withValue(RPCContext(metadata: outer)) {
        try await endpoint.client.echo(.init(), options: sent)
      }
      #expect(answer.requestID == "own")
    }
  }

  @Test("cancelling cascades through every hop", arguments: Transport.allCases)
  func cancel(_ transport: Transport) async throws {
    try await self.withTwoHops(transport) { front, back in
      let call = Task {
        await rpcError {
          _ = try await front.client.echo(
            .init(number: 1, delayMs: 1), options: CallSuite.patient)
        }
      }
      await back.handler.wait { $0.started == [1] }
      call.cancel()
      #expect(await call.value?.status == .cancelled)
      await back.handler.wait { $0.cancelled == [1] }
    }
  }

  @Test(
    "'not processed' is the word of one hop: the next one has run", arguments: Transport.allCases)
  func notProcessed(_ transport: Transport) async throws {
    try await self.withTwoHops(transport) { front, back in
      _ = try await front.client.echo(.init(number: 1), options: CallSuite.patient)
      await back.server.shutdown()
      let error = await rpcError {
        _ = try await front.client.echo(.init(number: 2), options: CallSuite.patient)
      }
      #expect(error?.status == .unavailable)
      #expect(error?.notProcessed == false)
    }
  }

  @Test("an error that two hops pass on stays the same", arguments: Transport.allCases)
  func errorPassedOn(_ transport: Transport) async throws {
    try await self.withTwoHops(transport) { front, back in
      let request = FramedrpcV1.EchoRequest(text: "why", failWith: 9)
      let direct = await rpcError {
        _ = try await back.client.echo(request, options: CallSuite.patient)
      }
      let relayed = await rpcError {
        _ = try await front.client.echo(request, options: CallSuite.patient)
      }
      #expect(direct != nil)
      #expect(relayed == direct)
    }
  }
}
