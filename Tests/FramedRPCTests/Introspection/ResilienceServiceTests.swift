import Contracts
import FramedRPC
import NIOCore
import NIOPosix
import Testing

/// The guards of a process as operators see and set them.
@Suite("The resilience service")
struct ResilienceServiceTests {
  private struct Silent: RPCChannel {
    func call(_ call: RPCCall) async throws -> ByteBuffer { throw RPCError(.unavailable, "down") }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
      throw RPCError(.unimplemented, "no streams here")
    }
  }

  private static func withServer(
    _ guards: Guards,
    _ body: (FramedrpcV1.ResilienceServiceClient) async throws -> Void
  ) async throws {
    let server = try RPCServer(
      services: [FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)],
      group: Endpoint.group, admission: AdmissionPolicy(limit: .fixed(7)),
      introspection: ServerIntrospection(guards: guards))
    let address = try await server.listen(on: Transport.inProcess.freshAddress())
    let client = RPCClient(address: address, group: Endpoint.group)
    do {
      try await body(FramedrpcV1.ResilienceServiceClient(client))
    } catch {
      client.shutdown()
      await server.shutdown(grace: .zero)
      throw error
    }
    client.shutdown()
    await server.shutdown(grace: .zero)
  }

  @Test("lists circuits, bulkheads, budgets, rates, admissions and deadlines")
  func list() async throws {
    let guards = Guards(
      deadlines: .init(
        standard: .seconds(30), longest: .seconds(300), hopMargin: .microseconds(4_001)))
    let now = NIODeadline.uptimeNanoseconds(60_000_000_000)
    let channel = GuardedChannel(
      Silent(),
      breaker: CircuitBreakerPolicy(minimumCalls: 2, firstOpenTime: .milliseconds(1_500)),
      bulkhead: BulkheadPolicy(
        maxConcurrentCalls: 5, maxWaitingCalls: 3, maxWait: .milliseconds(40)),
      now: { now })
    for _ in 0..<2 {
      let call = RPCCall(method: "a.B/C", request: ByteBuffer(), options: CallOptions())
      await #expect(throws: RPCError.self) { try await channel.call(call) }
    }
    let client = BalancedClient(
      target: .fixed([.inProcess("nobody", in: InProcessNetwork())]), group: Endpoint.group)
    defer { client.shutdown() }
    guards.register(channel, as: "pay", client: client)
    guards.register(
      RateLimiter(policy: RateLimitPolicy(permits: 9, per: .seconds(2), burst: 11)), as: "caller")
    try await Self.withServer(guards) { service async throws in
      let answer = try await service.listGuards(.init(), options: CallSuite.patient)
      let pay = try #require(answer.guards.first)
      #expect(answer.guards.count == 1)
      #expect(pay.name == "pay")
      #expect(pay.circuit?.phase == .isOpen)
      #expect(pay.circuit?.mode == .automatic)
      #expect(pay.circuit?.openForMs == 1_500)
      #expect(pay.circuit?.timesOpened == 1)
      #expect(pay.bulkhead?.limit == 5)
      #expect(pay.bulkhead?.maxWaitingCalls == 3)
      #expect(pay.bulkhead?.maxWaitMs == 40)
      #expect(pay.bulkhead?.admitted == 2)
      #expect(pay.retryBudget?.retriesLeft == 100, "10 a second for 10 s")
      #expect(answer.rates.map(\.name) == ["caller"])
      #expect(answer.rates.first?.permits == 9)
      #expect(answer.rates.first?.perMs == 2_000)
      #expect(answer.rates.first?.burst == 11)
      #expect(answer.admissions.map(\.name) == ["rpc"])
      #expect(answer.admissions.first?.limit == 7)
      #expect(answer.deadline?.standardMs == 30_000)
      #expect(answer.deadline?.longestMs == 300_000)
      #expect(answer.deadline?.hopMarginMs == 5)
    }
  }

  @Test("sets a circuit, and says what it was")
  func circuit() async throws {
    let guards = Guards()
    let channel = GuardedChannel(Silent())
    guards.register(channel, as: "pay")
    try await Self.withServer(guards) { service async throws in
      for (mode, previous, expected) in [
        (.forcedOpen, .automatic, .forcedOpen), (.forcedClosed, .forcedOpen, .forcedClosed),
        (.automatic, .forcedClosed, .automatic),
      ] as [(FramedrpcV1.CircuitMode, FramedrpcV1.CircuitMode, CircuitMode)] {
        let answer = try await service.setCircuit(
          .init(name: "pay", mode: mode), options: CallSuite.patient)
        #expect(answer.previous == previous)
        #expect(answer.status?.circuit?.mode == mode)
        #expect(channel.circuitMode == expected)
        #expect((answer.status?.circuit?.phase == .isOpen) == (mode == .forcedOpen))
      }
    }
  }

  @Test("sets a bulkhead and a rate from one moment to the next")
  func limits() async throws {
    let guards = Guards()
    let channel = GuardedChannel(Silent())
    let limiter = RateLimiter(policy: nil)
    guards.register(channel, as: "pay")
    guards.register(limiter, as: "caller")
    try await Self.withServer(guards) { service async throws in
      let answer = try await service.setBulkhead(
        .init(name: "pay", maxConcurrentCalls: 3, maxWaitingCalls: 2, maxWaitMs: 50),
        options: CallSuite.patient)
      #expect(answer.status?.bulkhead?.limit == 3)
      #expect(
        channel.bulkheadPolicy
          == BulkheadPolicy(
            maxConcurrentCalls: 3, maxWaitingCalls: 2, maxWait: .milliseconds(50)))
      let rate = try await service.setRate(
        .init(name: "caller", permits: 2, perMs: 100, burst: 4), options: CallSuite.patient)
      #expect(rate.rate?.burst == 4)
      #expect(
        limiter.policy == RateLimitPolicy(permits: 2, per: .milliseconds(100), burst: 4))
      _ = try await service.setRate(.init(name: "caller"), options: CallSuite.patient)
      #expect(limiter.policy == nil)
    }
  }

  @Test("a name that is not there, and numbers out of their bounds")
  func refusals() async throws {
    let guards = Guards()
    guards.register(GuardedChannel(Silent()), as: "pay")
    guards.register(RateLimiter(policy: nil), as: "caller")
    try await Self.withServer(guards) { service async throws in
      func status(_ call: () async throws -> Void) async throws -> RPCStatus? {
        let error = await #expect(throws: RPCError.self) { try await call() }
        return error?.status
      }
      let options = CallSuite.patient
      #expect(
        try await status {
          _ = try await service.setCircuit(.init(name: "gift", mode: .automatic), options: options)
        } == .notFound)
      #expect(
        try await status {
          _ = try await service.setCircuit(.init(name: "pay"), options: options)
        } == .invalidArgument)
      #expect(
        try await status {
          _ = try await service.setRate(
            .init(name: "pay", permits: 1, perMs: 1, burst: 1), options: options)
        } == .notFound)
      for (permits, perMs, burst) in [
        (0, 1, 1), (1, 0, 1), (1, 1, 0), (1_000_001, 1, 1), (1, 86_400_001, 1), (1, 1, 1_000_001),
        (1, -1, 1),
      ] as [(UInt64, Int64, UInt64)] {
        #expect(
          try await status {
            _ = try await service.setRate(
              .init(name: "caller", permits: permits, perMs: perMs, burst: burst),
              options: options)
          } == .invalidArgument)
      }
      for (calls, waiting, wait) in [
        (0, 1, 1), (1_000_001, 1, 1), (1, 1_000_001, 1), (1, 1, -1), (1, 1, 3_600_001),
      ] as [(UInt64, UInt64, Int64)] {
        #expect(
          try await status {
            _ = try await service.setBulkhead(
              .init(
                name: "pay", maxConcurrentCalls: calls, maxWaitingCalls: waiting,
                maxWaitMs: wait), options: options)
          } == .invalidArgument)
      }
    }
  }
}
