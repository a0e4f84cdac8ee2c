import ArgumentParser
import FramedRPC
import JSON
import NIOCore

/// `sugang bench guard`: what the guards of a call cost.
struct BenchGuardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guard",
    abstract: "Measure what circuit breaker, bulkhead and rate limiter cost a call.",
    discussion: """
      Nanoseconds for one decision, on one thread; the last two lines are those of a
      whole guarded channel, clock and locks included, around a server that answers
      at once, and in front of an open circuit.

      Examples:
        sugang bench guard
        sugang bench guard --duration 200ms --json
      """)

  @Option(help: ArgumentHelp("How long each figure is measured.", valueName: "time"))
  var duration = DurationArgument.seconds(1)

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func run() async throws {
    let results = try await GuardBench(duration: self.duration.duration).run()
    if self.json {
      Console.print(
        JSONValue.array(
          results.map {
            ["decision": .string($0.decision), "nanoseconds": .integer($0.nanoseconds)]
          }
        ).text(.pretty))
      return
    }
    var table = TextTable(("decision", .left), ("ns", .right))
    for result in results { table.add(result.decision, "\(result.nanoseconds)") }
    Console.print(table.text)
  }
}

/// How long decisions take.
struct GuardBench {
  struct Result {
    let decision: String
    let nanoseconds: Int
  }

  private struct Server: RPCChannel {
    func call(_ call: RPCCall) async throws -> ByteBuffer { call.request }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
      throw RPCError(.unimplemented, "no streams here")
    }
  }

  /// How long one figure is measured; the best of many parts of it counts.
  let duration: Duration
  private let rounds = 100

  func run() async throws -> [Result] {
    var results: [Result] = []
    var now = NIODeadline.now()
    var breaker = CircuitBreakerState(policy: CircuitBreakerPolicy())
    func call(_ outcome: CircuitBreakerState.Outcome) {
      now = now + .microseconds(100)
      guard case .allowed(let ticket) = breaker.admit(now: now) else { return }
      breaker.record(outcome, took: .milliseconds(1), ticket: ticket, now: now)
    }
    results.append(
      await self.measure("circuit: let through, and see it succeed") { call(.success) })
    breaker.setMode(.forcedClosed)
    results.append(await self.measure("circuit: let through, and see it fail") { call(.failure) })
    breaker.setMode(.forcedOpen)
    results.append(await self.measure("circuit: refuse") { call(.success) })
    var bulkhead = BulkheadState<Int>(policy: BulkheadPolicy(), now: now)
    results.append(
      await self.measure("bulkhead: a place taken and given back") {
        if bulkhead.enter() == .admitted { _ = bulkhead.leave(began: nil, now: now) }
      })
    var rates = RateLimiterState<String>(
      policy: RateLimitPolicy(permits: 1_000, burst: 1_000), maxKeys: 16_384)
    let callers = (0..<1_000).map { "10.0.\($0 / 250).\($0 % 250)" }
    var caller = 0
    results.append(
      await self.measure("rate: one of 1000 callers") {
        caller = (caller + 1) % callers.count
        now = now + .microseconds(1)
        _ = rates.take(callers[caller], now: now)
      })
    let channel = GuardedChannel(Server())
    let request = RPCCall(method: "a.B/C", request: ByteBuffer(), options: CallOptions())
    results.append(
      try await self.measure("guarded channel: around a call") {
        _ = try await channel.call(request)
      })
    channel.circuitMode = .forcedOpen
    results.append(
      await self.measure("guarded channel: refuse") { _ = try? await channel.call(request) })
    return results
  }

  /// The time of one call of `body`, in the part of the time when the machine disturbed it least.
  private func measure(
    _ decision: String, _ body: () async throws -> Void
  ) async rethrows -> Result {
    let clock = ContinuousClock()
    var calls = 1
    var best = Duration.seconds(3_600)
    // As many calls as fill one part; the search warms the caches, too.
    while true {
      let start = clock.now
      for _ in 0..<calls { try await body() }
      guard clock.now - start < self.duration / self.rounds else { break }
      calls *= 2
    }
    for _ in 0..<self.rounds {
      let start = clock.now
      for _ in 0..<calls { try await body() }
      best = min(best, clock.now - start)
    }
    let nanoseconds = best / .nanoseconds(1) / Double(calls)
    return Result(decision: decision, nanoseconds: Int(nanoseconds.rounded()))
  }
}
