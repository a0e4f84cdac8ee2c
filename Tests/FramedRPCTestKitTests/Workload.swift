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

/// Answers each message of a chat with what came so far.
struct ChatHandler: FramedrpcV1.StreamTestServiceHandler {
  func chat(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>,
    _ responses: RPCWriter<FramedrpcV1.StreamResponse>, _ context: RPCContext
  ) async throws {
    var answer = FramedrpcV1.StreamResponse()
    for try await request in requests {
      answer.messages += 1
      answer.totalBytes += Int64(request.body.count)
      answer.body = request.body
      try await responses.write(answer)
    }
  }

  func download(
    _ request: FramedrpcV1.StreamRequest, _ responses: RPCWriter<FramedrpcV1.StreamResponse>,
    _ context: RPCContext
  ) async throws {
    throw RPCError(.unimplemented, "not here")
  }

  func upload(
    _ requests: RPCReader<FramedrpcV1.StreamRequest>, _ context: RPCContext
  ) async throws -> FramedrpcV1.StreamResponse {
    throw RPCError(.unimplemented, "not here")
  }
}

/// A dozen calls and some streams over a network of a seed, which may also be cut, and whose server
/// may be replaced.
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

  /// A chat: each message is answered before the next is sent.
  struct Chat: Hashable {
    let deadline: Duration
    let ended: Duration
    let messages: Int
    /// Answers that were the next ones.
    let right: Int
    let wrong: Int
    let error: RPCError?
  }

  let seed: UInt64
  let plan: FaultPlan
  private(set) var outcomes: [Outcome] = []
  private(set) var chats: [Chat] = []
  /// Calls that had not ended long after the last deadline.
  private(set) var unfinished = 0
  private(set) var entries = Ledger.Entries()
  private(set) var trace: [String] = []

  static let calls = 12
  static let chatCount = 2

  init(seed: UInt64, plan: FaultPlan) throws {
    self.seed = seed
    self.plan = plan
    try self.run()
  }

  private mutating func run() throws {
    let network = FaultyNetwork(seed: self.seed, plan: self.plan)
    var generator = SeededGenerator(seed: ~self.seed)
    let ledger = Ledger(network)
    let services = [
      ledger.service, FramedrpcV1.StreamTestService.register(ChatHandler(), on: .eventLoop),
    ]
    let server = try network.serve(services, as: "pay")
    let channel = network.client(of: "pay")
    let client = FramedrpcV1.TestServiceClient(channel)
    let calls = (0..<Self.calls).map { number in
      Self.call(Int64(number), client, network, &generator)
    }
    let chats = (0..<Self.chatCount).map { _ in
      Self.chat(FramedrpcV1.StreamTestServiceClient(channel), network, &generator)
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
        try await RPCServer(services: services, group: network.group)
          .listen(on: network.address(of: "pay"))
      }
    }
    _ = network.run(within: .seconds(60)) {
      calls.allSatisfy(\.isDone) && chats.allSatisfy(\.isDone)
    }
    self.unfinished = calls.count { !$0.isDone } + chats.count { !$0.isDone }
    self.outcomes = calls.compactMap { try? $0.value() }
    self.chats = chats.compactMap { try? $0.value() }
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

  private static func chat(
    _ client: FramedrpcV1.StreamTestServiceClient, _ network: FaultyNetwork,
    _ generator: inout SeededGenerator
  ) -> Pending<Chat> {
    let begin = Self.time(1_500, &generator)
    let timeout = Self.time(3_000, &generator)
    let sizes = (0..<5).map { _ in Int.random(in: 0...2_000, using: &generator) }
    return network.start {
      try? await network.sleep(for: begin)
      var answers: [FramedrpcV1.StreamResponse] = []
      var failure: RPCError?
      do {
        let stream = try await client.chat(options: CallOptions(timeout: timeout))
        for size in sizes {
          try await stream.requests.write(.init(body: [UInt8](repeating: 1, count: size)))
          guard let answer = try await stream.responses.next() else { break }
          answers.append(answer)
        }
        stream.requests.finish()
        while let answer = try await stream.responses.next() { answers.append(answer) }
      } catch {
        failure = error as? RPCError
      }
      var right = 0
      for (index, answer) in answers.enumerated() where index < sizes.count {
        let total = sizes[...index].reduce(0, +)
        let isRight =
          answer.messages == index + 1 && answer.totalBytes == total
          && answer.body == [UInt8](repeating: 1, count: sizes[index])
        right += isRight ? 1 : 0
      }
      return Chat(
        deadline: begin + timeout, ended: network.now, messages: sizes.count, right: right,
        wrong: answers.count - right, error: failure)
    }
  }
}
