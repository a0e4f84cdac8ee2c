import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("A guarded channel")
struct GuardedChannelTests {
  /// Answers what the test tells it to, and counts.
  private final class ScriptedChannel: RPCChannel {
    let calls = Mutex(0)
    let failure = Mutex<RPCError?>(nil)
    let gate: Gate?

    init(gate: Gate? = nil) {
      self.gate = gate
    }

    func call(_ call: RPCCall) async throws -> ByteBuffer {
      self.calls.withLock { $0 += 1 }
      await self.gate?.pass()
      if let failure = self.failure.withLock({ $0 }) { throw failure }
      return ByteBuffer()
    }
  }

  /// Holds everybody until it is opened.
  private final class Gate: Sendable {
    private struct State {
      var isOpen = false
      var waiting: [CheckedContinuation<Void, Never>] = []
      var observers: [(Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func pass() async {
      await withCheckedContinuation { continuation in
        let (isOpen, reached) = self.state.withLock { state in
          guard !state.isOpen else { return (true, [CheckedContinuation<Void, Never>]()) }
          state.waiting.append(continuation)
          let reached = state.observers.filter { $0.0 <= state.waiting.count }.map(\.1)
          state.observers.removeAll { $0.0 <= state.waiting.count }
          return (false, reached)
        }
        if isOpen { continuation.resume() }
        for observer in reached { observer.resume() }
      }
    }

    /// Returns when `count` are held.
    func holds(_ count: Int) async {
      await withCheckedContinuation { continuation in
        let isReached = self.state.withLock { state in
          guard state.waiting.count < count else { return true }
          state.observers.append((count, continuation))
          return false
        }
        if isReached { continuation.resume() }
      }
    }

    func open() {
      let waiting = self.state.withLock { state in
        state.isOpen = true
        defer { state.waiting = [] }
        return state.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  /// A value that several tasks touch.
  private final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) {
      self.mutex = Mutex(value)
    }

    var value: Value {
      get { self.mutex.withLock { $0 } }
      set { self.mutex.withLock { $0 = newValue } }
    }
  }

  private static let call = RPCCall(
    method: "test.Service/Method", request: ByteBuffer(), options: CallOptions())

  private static func error(_ channel: GuardedChannel) async -> RPCError? {
    do {
      _ = try await channel.call(Self.call)
      return nil
    } catch {
      return error as? RPCError
    }
  }

  @Test("K20: fails fast once the circuit is open, and does not bother the server")
  func failsFast() async {
    let server = ScriptedChannel()
    server.failure.withLock { $0 = RPCError(.unavailable, "down") }
    let time = Shared(NIODeadline.uptimeNanoseconds(1))
    let channel = GuardedChannel(
      server, breaker: CircuitBreakerPolicy(minimumCalls: 3, firstOpenTime: .seconds(1), probes: 1),
      now: { time.value })
    for _ in 0..<3 { #expect(await Self.error(channel)?.status == .unavailable) }
    #expect(channel.circuit == .open)
    let refusal = await Self.error(channel)
    #expect(refusal?.reason == "circuit-open")
    #expect(refusal?.notProcessed == true)
    #expect(server.calls.withLock { $0 } == 3)

    server.failure.withLock { $0 = nil }
    time.value = time.value + .seconds(2)
    #expect(await Self.error(channel) == nil)
    #expect(channel.circuit == .closed)
  }

  @Test("an answer that says no is no failure")
  func refusalsAreAnswers() async {
    let server = ScriptedChannel()
    server.failure.withLock { $0 = RPCError(.failedPrecondition, "no", reason: "fee-mismatch") }
    let channel = GuardedChannel(server, breaker: CircuitBreakerPolicy(minimumCalls: 3))
    for _ in 0..<10 { #expect(await Self.error(channel)?.reason == "fee-mismatch") }
    #expect(channel.circuit == .closed)
  }

  @Test("the bulkhead takes so many at once, lets some wait, and refuses the rest")
  func bulkhead() async {
    let gate = Gate()
    let server = ScriptedChannel(gate: gate)
    let channel = GuardedChannel(
      server,
      bulkhead: BulkheadPolicy(
        maxConcurrentCalls: 2, maxWaitingCalls: 0, maxWait: .seconds(60)))
    await withTaskGroup(of: RPCError?.self) { group in
      for _ in 0..<2 { group.addTask { await Self.error(channel) } }
      await gate.holds(2)
      let refusal = await Self.error(channel)
      #expect(refusal?.reason == "bulkhead-full")
      #expect(refusal?.notProcessed == true)
      gate.open()
      for await error in group { #expect(error == nil) }
    }
    #expect(await Self.error(channel) == nil)
    #expect(channel.circuit == .closed)
  }

  @Test("a caller that waits for a place gets it, first come, first served")
  func waits() async {
    let bulkhead = Bulkhead(
      policy: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 8, maxWait: .seconds(60)))
    let gate = Gate()
    let order = Shared<[Int]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await bulkhead.run { await gate.pass() } }
      await gate.holds(1)
      for number in 1...3 {
        group.addTask {
          try? await bulkhead.run { order.value.append(number) }
        }
        while bulkhead.waitingCalls < number { await Task.yield() }
      }
      gate.open()
    }
    #expect(order.value == [1, 2, 3])
    #expect(bulkhead.runningCalls == 0)
  }

  @Test("a cancelled caller leaves the queue, and its place is not lost")
  func cancels() async throws {
    let bulkhead = Bulkhead(
      policy: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 8, maxWait: .seconds(60)))
    let gate = Gate()
    let holder = Task { try await bulkhead.run { await gate.pass() } }
    await gate.holds(1)
    let waiter = Task { try await bulkhead.run {} }
    while bulkhead.waitingCalls < 1 { await Task.yield() }
    waiter.cancel()
    let error = await #expect(throws: RPCError.self) { try await waiter.value }
    #expect(error?.status == .cancelled)
    gate.open()
    try await holder.value
    try await bulkhead.run {}
    #expect(bulkhead.runningCalls == 0)
  }
}
