import Contracts
import FramedRPC
import FramedRPCTestKit
import Synchronization

/// Echoes, after a while of virtual time, and writes down what it began and what it finished.
final class Ledger: FramedrpcV1.TestServiceHandler {
  struct Entries: Hashable {
    var started: [Int64: Int] = [:]
    var finished: [Int64: Int] = [:]
  }

  private unowned let network: FaultyNetwork
  private let state = Mutex(Entries())

  init(_ network: FaultyNetwork) {
    self.network = network
  }

  var entries: Entries { self.state.withLock { $0 } }

  var service: RPCService { FramedrpcV1.TestService.register(self, on: .eventLoop) }

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    self.state.withLock { $0.started[request.number, default: 0] += 1 }
    if request.delayMs > 0 {
      try await self.network.sleep(for: .milliseconds(request.delayMs))
    }
    self.state.withLock { $0.finished[request.number, default: 0] += 1 }
    return FramedrpcV1.EchoResponse(text: request.text, number: request.number)
  }

  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    FramedrpcV1.ReflectResponse(everything: request.everything)
  }
}

/// A dozen calls over a network of a seed, which may also be cut, and whose server may be replaced.
struct Workload {
  struct Outcome: Hashable {
    let number: Int64
    let sent: String
    /// When it may end at the latest, since the network's beginning.
    let deadline: Duration
    let ended: Duration
    let answer: FramedrpcV1.EchoResponse?
    let error: RPCError?
  }

  let seed: UInt64
  let plan: FaultPlan
  private(set) var outcomes: [Outcome] = []
  /// Calls that had not ended long after the last deadline.
  private(set) var unfinished = 0
  private(set) var entries = Ledger.Entries()
  private(set) var trace: [String] = []

  static let calls = 12

  init(seed: UInt64, plan: FaultPlan) throws {
    self.seed = seed
    self.plan = plan
    try self.run()
  }

  private mutating func run() throws {
    let network = FaultyNetwork(seed: self.seed, plan: self.plan)
    var generator = SeededGenerator(seed: ~self.seed)
    let ledger = Ledger(network)
    let server = try network.serve([ledger.service], as: "pay")
    let client = FramedrpcV1.TestServiceClient(network.client(of: "pay"))
    let calls = (0..<Self.calls).map { number in
      Self.call(Int64(number), client, network, &generator)
    }
    if Bool.random(using: &generator) {
      let (begin, length) = (Self.time(1_500, &generator), Self.time(2_500, &generator))
      _ = network.start {
        try await network.sleep(for: begin)
        network.partition("pay")
        try await network.sleep(for: length)
        network.heal("pay")
      }
    }
    if Bool.random(using: &generator) {
      let (begin, grace) = (Self.time(1_500, &generator), Self.time(500, &generator))
      _ = network.start {
        try await network.sleep(for: begin)
        await server.shutdown(grace: grace)
        try await RPCServer(services: [ledger.service], group: network.group)
          .listen(on: network.address(of: "pay"))
      }
    }
    _ = network.run(within: .seconds(60)) { calls.allSatisfy(\.isDone) }
    self.unfinished = calls.count { !$0.isDone }
    self.outcomes = calls.compactMap { try? $0.value() }
    network.finish()
    self.entries = ledger.entries
    self.trace = network.trace
  }

  private static func time(_ most: Int, _ generator: inout SeededGenerator) -> Duration {
    .milliseconds(Int.random(in: 0...most, using: &generator))
  }

  private static func call(
    _ number: Int64, _ client: FramedrpcV1.TestServiceClient, _ network: FaultyNetwork,
    _ generator: inout SeededGenerator
  ) -> Pending<Outcome> {
    let begin = Self.time(1_500, &generator)
    let timeout = Self.time(3_000, &generator)
    let size = Int.random(in: 0...3_000, using: &generator)
    let text = String(repeating: "\(number)-", count: size / 2)
    let delay = Bool.random(using: &generator) ? Int32.random(in: 0...400, using: &generator) : 0
    let waits = Bool.random(using: &generator)
    let cancels = Int.random(in: 0..<8, using: &generator) == 0
    let patience = Self.time(1_000, &generator)
    let call = network.start {
      try? await network.sleep(for: begin)
      var answer: FramedrpcV1.EchoResponse?
      var failure: RPCError?
      do {
        answer = try await client.echo(
          .init(text: text, number: number, delayMs: delay),
          options: CallOptions(timeout: timeout, waitForReady: waits))
      } catch {
        failure = error as? RPCError
      }
      return Outcome(
        number: number, sent: text, deadline: begin + timeout, ended: network.now, answer: answer,
        error: failure)
    }
    if cancels {
      _ = network.start {
        try await network.sleep(for: begin + patience)
        call.cancel()
      }
    }
    return call
  }
}
