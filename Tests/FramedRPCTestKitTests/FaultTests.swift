import Contracts
import FramedRPC
import FramedRPCTestKit
import Testing

/// Each fault alone, at a place that the test chose.
@Suite("Faults", .timeLimit(.minutes(2)))
struct FaultTests {
  /// A network with one server, and calls to it.
  private final class Bench {
    let network: FaultyNetwork
    let ledger: Ledger
    let client: FramedrpcV1.TestServiceClient

    init(_ plan: FaultPlan = .none, limits: RPCLimits = .standard) throws {
      self.network = FaultyNetwork(seed: 1, plan: plan)
      self.ledger = Ledger(self.network)
      try self.network.serve([self.ledger.service], as: "pay", limits: limits)
      self.client = FramedrpcV1.TestServiceClient(self.network.client(of: "pay", limits: limits))
    }

    deinit {
      self.network.finish()
    }

    func call(
      _ number: Int64 = 1, text: String = "hello", delayMs: Int32 = 0,
      timeout: Duration? = .seconds(5)
    ) -> Pending<FramedrpcV1.EchoResponse> {
      let client = self.client
      return self.network.start {
        try await client.echo(
          .init(text: text, number: number, delayMs: delayMs),
          options: CallOptions(timeout: timeout))
      }
    }

    func end(_ calls: Pending<FramedrpcV1.EchoResponse>..., within: Duration = .seconds(30)) {
      #expect(self.network.run(within: within) { calls.allSatisfy(\.isDone) })
    }
  }

  private func error<Value>(_ call: Pending<Value>) -> RPCError? {
    do {
      _ = try call.value()
      return nil
    } catch {
      return error as? RPCError
    }
  }

  /// How many bytes the client sends before its first request, and the server before its first
  /// answer: the handshake. Found by a run without faults.
  private static func handshakeBytes() throws -> (toServer: Int, toClient: Int) {
    let bench = try Bench()
    bench.end(bench.call())
    func first(_ direction: FaultPlan.Direction) throws -> Int {
      let line = try #require(
        bench.network.trace.first { $0.contains("\(direction.rawValue) 0..<") })
      let end = line.split(separator: "..<")[1].prefix { $0.isNumber }
      return try #require(Int(end))
    }
    return (try first(.toServer), try first(.toClient))
  }

  @Test("without faults a call takes four latencies: two to connect, two for itself")
  func noFaults() throws {
    let bench = try Bench(FaultPlan(latency: .milliseconds(10) ... .milliseconds(10)))
    let call = bench.call()
    bench.end(call)
    #expect(try call.value().text == "hello")
    // SYN and its answer, HELLO and SETTINGS, the request and its answer.
    #expect(call.ended == .milliseconds(60))
    let second = bench.call(2)
    bench.end(second)
    #expect(second.ended == .milliseconds(80))
  }

  @Test("a bandwidth is kept to")
  func bandwidth() throws {
    let bench = try Bench(FaultPlan(bytesPerSecond: 1_000))
    let call = bench.call(text: String(repeating: "x", count: 4_000), timeout: .seconds(60))
    bench.end(call)
    // 4 kB there and back, at 1 kB a second.
    #expect(try #require(call.ended) > .seconds(8))
    #expect(try #require(call.ended) < .seconds(9))
  }

  @Test("a reset ends the calls in flight; whether they ran nobody says")
  func reset() throws {
    let bench = try Bench()
    let call = bench.call(delayMs: 1_000)
    bench.network.advance(by: .milliseconds(500))
    #expect(bench.ledger.entries.started == [1: 1])
    bench.network.reset("pay")
    bench.end(call)
    #expect(self.error(call)?.status == .unavailable)
    #expect(self.error(call)?.notProcessed == false)
    // The next one connects anew.
    let next = bench.call(2)
    bench.end(next)
    #expect(try next.value().number == 2)
    #expect(bench.ledger.entries.finished == [2: 1], "the first was cancelled")
  }

  @Test(
    "a connection that breaks inside the handshake fails the call as not processed",
    arguments: [FaultPlan.Fault.reset, .truncate, .drop])
  func handshake(_ fault: FaultPlan.Fault) throws {
    for direction in FaultPlan.Direction.allCases {
      for byte in [0, 5, 20] {
        let bench = try Bench(FaultPlan(scripted: [.init(fault, direction, byte: byte)]))
        let call = bench.call(timeout: .seconds(20))
        bench.end(call)
        #expect(self.error(call)?.status == .unavailable, "\(direction) \(byte)")
        #expect(self.error(call)?.notProcessed == true)
        #expect(bench.ledger.entries.started.isEmpty)
      }
    }
  }

  @Test("a request that breaks off never runs; an answer that breaks off is an error")
  func breakingOff() throws {
    let sizes = try Self.handshakeBytes()
    for fault in [FaultPlan.Fault.reset, .truncate, .drop] {
      let request = try Bench(
        FaultPlan(scripted: [.init(fault, .toServer, byte: sizes.toServer + 7)]))
      let unsent = request.call()
      request.end(unsent)
      #expect(self.error(unsent)?.status == .unavailable)
      #expect(self.error(unsent)?.notProcessed == false, "the client cannot know")
      #expect(request.ledger.entries.started.isEmpty)
      let answer = try Bench(
        FaultPlan(scripted: [.init(fault, .toClient, byte: sizes.toClient + 7)]))
      let unanswered = answer.call()
      answer.end(unanswered)
      #expect(self.error(unanswered)?.status == .unavailable)
      #expect(self.error(unanswered)?.notProcessed == false)
      #expect(answer.ledger.entries.finished == [1: 1])
    }
  }

  @Test("a loss is silent, and the deadline passes before the connection is given up")
  func loss() throws {
    let sizes = try Self.handshakeBytes()
    let bench = try Bench(
      FaultPlan(scripted: [.init(.drop, .toServer, byte: sizes.toServer)], lossTime: .seconds(10)))
    let call = bench.call(timeout: .seconds(1))
    bench.end(call)
    #expect(self.error(call)?.status == .deadlineExceeded)
    #expect(call.ended == .seconds(1))
    #expect(bench.ledger.entries.started.isEmpty)
  }

  @Test("silence without a deadline ends by the keepalive")
  func keepalive() throws {
    let sizes = try Self.handshakeBytes()
    let limits = RPCLimits(keepaliveInterval: .seconds(10), keepaliveTimeout: .seconds(5))
    let bench = try Bench(
      FaultPlan(scripted: [.init(.drop, .toClient, byte: sizes.toClient)], lossTime: .seconds(600)),
      limits: limits)
    let call = bench.call(timeout: nil)
    bench.end(call)
    #expect(self.error(call)?.message == "the server does not answer pings")
    #expect(try #require(call.ended) >= .seconds(15))
    #expect(try #require(call.ended) < .seconds(16))
  }

  @Test("a partition holds everything up until it heals; who connects meanwhile gives up")
  func partition() throws {
    let bench = try Bench()
    let before = bench.call(1, timeout: .seconds(60))
    bench.end(before)
    bench.network.partition("pay")
    let during = bench.call(2, timeout: .seconds(60))
    let late = bench.call(3, timeout: .milliseconds(200))
    bench.network.advance(by: .seconds(5))
    #expect(!during.isDone)
    #expect(self.error(late)?.status == .deadlineExceeded)
    let other = FramedrpcV1.TestServiceClient(bench.network.client(of: "pay"))
    let connecting = bench.network.start { try await other.echo(.init(number: 4)) }
    #expect(bench.network.run(within: .seconds(10)) { connecting.isDone })
    #expect(self.error(connecting)?.status == .unavailable)
    #expect(self.error(connecting)?.notProcessed == true)
    bench.network.heal("pay")
    bench.end(during)
    #expect(try during.value().number == 2)
  }

  @Test("a reader that stalls slows down, and nothing is lost")
  func stall() throws {
    let sizes = try Self.handshakeBytes()
    let plan = FaultPlan(
      scripted: [.init(.stall, .toServer, byte: sizes.toServer)], stallTime: .seconds(3))
    let bench = try Bench(plan)
    let calls = (1...5).map { bench.call($0, timeout: .seconds(60)) }
    #expect(bench.network.run(within: .seconds(30)) { calls.allSatisfy(\.isDone) })
    #expect(bench.ledger.entries.finished == [1: 1, 2: 1, 3: 1, 4: 1, 5: 1])
    #expect(try #require(calls.compactMap(\.ended).max()) > .milliseconds(10))
  }

  @Test("an orderly shutdown reaches the client over a slow link: 'not processed' or an answer")
  func shutdown() throws {
    let bench = try Bench(
      FaultPlan(latency: .milliseconds(200) ... .milliseconds(200), segmentBytes: 1...9))
    let first = bench.call(1, delayMs: 1_000, timeout: .seconds(60))
    bench.network.advance(by: .seconds(1))
    #expect(bench.ledger.entries.started == [1: 1])
    let server = try #require(bench.network.servers.first)
    let shutdown = bench.network.start { await server.shutdown(grace: .seconds(10)) }
    let late = bench.call(2, timeout: .seconds(60))
    bench.end(first, late)
    #expect(try first.value().number == 1)
    #expect(self.error(late)?.notProcessed == true)
    #expect(bench.ledger.entries.started == [1: 1])
    #expect(bench.network.run(within: .seconds(10)) { shutdown.isDone })
  }

  @Test("a refused connection is an error at once")
  func refusal() throws {
    let bench = try Bench(FaultPlan(refusal: 1))
    let call = bench.call()
    bench.end(call)
    #expect(self.error(call)?.status == .unavailable)
    #expect(self.error(call)?.notProcessed == true)
  }

  @Test("a plan that is set later holds for later connections only")
  func laterPlan() throws {
    let bench = try Bench()
    bench.end(bench.call(1))
    bench.network.setPlan(FaultPlan(refusal: 1), for: "pay")
    let onOld = bench.call(2)
    bench.end(onOld)
    #expect(self.error(onOld) == nil)
    bench.network.reset("pay")
    bench.network.advance(by: .milliseconds(1))
    let onNew = bench.call(3)
    bench.end(onNew)
    #expect(self.error(onNew)?.status == .unavailable)
  }

  /// FramedRPC has no checksum. A bit that flips in a message, in its length, or in the slot of its
  /// method can make another one that is as valid: TLS is what helps against that. What the protocol
  /// does promise of one call, this shows: a bit that flips anywhere in the handshake's headers, or
  /// in the rest of a message's header, makes no wrong answer; and wherever it flips, the call ends.
  @Test("one bit of a header flips: the call ends, and not by a wrong answer")
  func headerCorruption() throws {
    let sizes = try Self.handshakeBytes()
    let headers: [(FaultPlan.Direction, Range<Int>, length: Range<Int>)] = [
      (.toServer, 0..<24, 0..<0), (.toClient, 0..<16, 0..<0),
      (.toServer, sizes.toServer..<sizes.toServer + 16, sizes.toServer..<sizes.toServer + 3),
      (.toClient, sizes.toClient..<sizes.toClient + 16, sizes.toClient..<sizes.toClient + 3),
    ]
    var errors = 0
    for (direction, bytes, length) in headers {
      for byte in bytes {
        for bit in 0..<8 {
          let bench = try Bench(
            FaultPlan(scripted: [.init(.corrupt, direction, byte: byte, bit: bit)]))
          let call = bench.call(7, text: "corrupt me", timeout: .seconds(20))
          bench.end(call)
          if let answer = try? call.value() {
            let isRight = answer == .init(text: "corrupt me", number: 7)
            #expect(isRight || length.contains(byte), "\(direction) \(byte) \(bit)")
          } else {
            errors += 1
          }
        }
      }
    }
    #expect(errors > 300)
  }

  @Test("a doubled request runs twice only where TCP would have doubled it: once is answered")
  func duplicate() throws {
    let sizes = try Self.handshakeBytes()
    let bench = try Bench(FaultPlan(scripted: [.init(.duplicate, .toServer, byte: sizes.toServer)]))
    let call = bench.call(delayMs: 10)
    bench.end(call)
    // While the first runs its slot is taken: the connection is refused.
    #expect(self.error(call)?.status == .unavailable)
    #expect(bench.ledger.entries.started == [1: 1])
  }
}
