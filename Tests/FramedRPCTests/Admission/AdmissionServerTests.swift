import Contracts
import FramedRPC
import NIOCore
import Testing

/// Whole servers with more callers than places.
@Suite("A server under overload", .timeLimit(.minutes(2)))
struct AdmissionServerTests {
  private enum Outcome {
    case answered(Int64)
    case refused(Int64, RPCError)
  }

  private struct Tally {
    var refused: [Int64: RPCError] = [:]
    var answered: Set<Int64> = []

    /// Waits for so many calls to be over.
    mutating func collect(_ count: Int, from group: inout TaskGroup<Outcome>) async {
      for _ in 0..<count {
        switch await group.next() {
        case .answered(let number)?: self.answered.insert(number)
        case .refused(let number, let error)?: self.refused[number] = error
        case nil: break
        }
      }
    }
  }

  private static func options(_ priority: RPCPriority) -> CallOptions {
    var options = CallOptions(timeout: nil)
    options.priority = priority
    return options
  }

  private static func call(
    _ client: FramedrpcV1.TestServiceClient, _ number: Int64, _ priority: RPCPriority
  ) async -> Outcome {
    do {
      _ = try await client.echo(
        .init(number: number, delayMs: 1), options: Self.options(priority))
      return .answered(number)
    } catch {
      return .refused(number, error as? RPCError ?? RPCError(.unknown, "\(error)"))
    }
  }

  /// Eight places (six for bulk), sixteen that wait, eighty that call.
  @Test(
    "10 times the load: critical calls are all served, bulk ones told when to come again",
    arguments: Transport.allCases)
  func tenfold(_ transport: Transport) async throws {
    let policy = AdmissionPolicy(
      limit: .fixed(8), maxQueuedCalls: 16, maxQueueTime: .seconds(600), criticalReserve: 0.1,
      defaultReserve: 0.1)
    try await withEndpoint(transport, admission: policy) { endpoint in
      let client = endpoint.client
      let handler = endpoint.handler
      let bulk = Int64(0)..<64
      let critical = Int64(100)..<116
      let tally = await withTaskGroup(of: Outcome.self) { group in
        var tally = Tally()
        for number in bulk { group.addTask { await Self.call(client, number, .bulk) } }
        // All but those that run and those that wait.
        await tally.collect(64 - 6 - 16, from: &group)
        #expect(tally.refused.count == 42)
        for number in critical { group.addTask { await Self.call(client, number, .critical) } }
        // Two get the places kept for them, the others those of bulk calls in the queue.
        await tally.collect(14, from: &group)
        #expect(tally.refused.count == 56)
        await handler.wait { $0.started.count == 8 }
        for number in Array(bulk) + Array(critical) { handler.release(number) }
        await tally.collect(24, from: &group)
        return tally
      }
      let (answered, refused) = (tally.answered, tally.refused)
      #expect(answered.isSuperset(of: critical))
      #expect(answered.count == 24)
      #expect(answered.union(refused.keys).count == 80)
      #expect(handler.snapshot.started == answered, "none is both refused and handled")
      for error in refused.values {
        #expect(error.status == .resourceExhausted)
        #expect(error.reason == "overloaded")
        #expect(error.notProcessed && error.overloaded && !error.mustNotRetry)
        #expect((error.retryAfter ?? .zero) >= .milliseconds(50))
      }
      let statistics = try #require(endpoint.server.admissionStatistics)
      #expect(statistics.limit == 8)
      #expect(statistics.inFlight == 0)
      #expect(statistics.queued.total == 0)
      #expect(statistics.refusedQueueFull.bulk == 56)
      #expect(statistics.refused == 56)
      #expect(statistics.admitted.critical == 16)
      #expect(statistics.admitted.bulk == 8)
    }
  }

  @Test("an adaptive server answers everybody while there is no overload")
  func adaptive() async throws {
    let policy = AdmissionPolicy(
      limit: .adaptive(AdaptiveLimitPolicy(initial: 4, min: 4)), maxQueueTime: .seconds(600))
    try await withEndpoint(.inProcess, admission: policy) { endpoint in
      let client = endpoint.client
      try await withThrowingDiscardingTaskGroup { group in
        for caller in 0..<32 {
          group.addTask {
            for call in 0..<50 {
              let number = Int64(caller * 50 + call)
              let answer = try await client.echo(
                .init(number: number), options: CallOptions(timeout: nil))
              #expect(answer.number == number)
            }
          }
        }
      }
      let statistics = try #require(endpoint.server.admissionStatistics)
      #expect(statistics.admitted.default == 1_600)
      #expect(statistics.refused == 0)
      #expect(statistics.inFlight == 0)
    }
  }

  @Test("a stream has a place until its handler ends; one that waits takes messages meanwhile")
  func streams() async throws {
    let policy = AdmissionPolicy(
      limit: .fixed(1), maxQueueTime: .seconds(600), criticalReserve: 0, defaultReserve: 0)
    try await withStreams(.inProcess, admission: policy) { streams in
      let patient = CallOptions(timeout: nil)
      let first = try await streams.client.upload(options: patient)
      try await first.requests.write(.init(body: [1]))
      let second = try await streams.client.upload(options: patient)
      try await second.requests.write(.init(body: [2, 2]))
      second.requests.finish()
      #expect(try await first.response().totalBytes == 1)
      #expect(try await second.response().totalBytes == 2)
      let statistics = try #require(streams.server.admissionStatistics)
      #expect(statistics.admitted.default == 2)
    }
  }

  @Test("a stream that is refused ends with the refusal")
  func refusedStream() async throws {
    let policy = AdmissionPolicy(limit: .fixed(1), maxQueuedCalls: 0)
    try await withStreams(.inProcess, admission: policy) { streams in
      let patient = CallOptions(timeout: nil)
      let first = try await streams.client.upload(options: patient)
      try await first.requests.write(.init(body: [1]))
      let second = try await streams.client.upload(options: patient)
      let error = await rpcError { _ = try await second.response() }
      #expect(error?.overloaded == true)
      #expect(error?.notProcessed == true)
      #expect(try await first.response().totalBytes == 1)
    }
  }

  @Test("a nested call inherits the priority, its own or the service's, unless it has one")
  func inheritance() async throws {
    try await withEndpoint(.inProcess) { back in
      let relay = FramedrpcV1.TestService.register(
        NestedCallTests.Relay(next: back.client))
      try await withEndpoint(.inProcess, service: relay) { front in
        _ = try await front.client.echo(.init(), options: Self.options(.bulk))
        _ = try await front.client.echo(.init(), options: CallOptions(timeout: nil))
      }
      try await withEndpoint(.inProcess, service: relay.prioritized(.critical)) { front in
        _ = try await front.client.echo(.init(), options: CallOptions(timeout: nil))
      }
      let own = FramedrpcV1.TestService.register(
        NestedCallTests.Relay(next: back.client, options: Self.options(.default)))
      try await withEndpoint(.inProcess, service: own.prioritized(.critical)) { front in
        _ = try await front.client.echo(.init(), options: CallOptions(timeout: nil))
      }
      #expect(
        back.handler.snapshot.contexts.map(\.priority)
          == [.bulk, .default, .critical, .default])
    }
  }
}
