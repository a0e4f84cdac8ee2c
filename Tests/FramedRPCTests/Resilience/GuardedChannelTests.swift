import FramedRPC
import NIOCore
import Synchronization
import Testing

@Suite("A guarded channel")
struct GuardedChannelTests {
  /// Answers what the test tells it to, and counts.
  private final class ScriptedChannel: RPCChannel {
    let calls = Mutex(0)
    /// Of every call …
    let failure = Mutex<RPCError?>(nil)
    /// … but of the first ones these.
    let outcomes = Mutex<[RPCError?]>([])
    let timeouts = Mutex<[Duration?]>([])
    let gate: Gate?

    init(gate: Gate? = nil) {
      self.gate = gate
    }

    func call(_ call: RPCCall) async throws -> ByteBuffer {
      self.calls.withLock { $0 += 1 }
      self.timeouts.withLock { $0.append(call.options.timeout) }
      let outcome = self.outcomes.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      await self.gate?.pass()
      if let outcome { throw outcome }
      if let failure = self.failure.withLock({ $0 }) { throw failure }
      return ByteBuffer()
    }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
      throw RPCError(.unimplemented, "this channel has no streams")
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

  /// Opens at the first failure, however busy the machine is.
  private static let touchy = CircuitBreakerPolicy(minimumCalls: 1, slowCall: nil)

  private static func error(
    _ channel: any RPCChannel, timeout: Duration? = .seconds(5)
  ) async -> RPCError? {
    var call = Self.call
    call.options.timeout = timeout
    do {
      _ = try await channel.call(call)
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
  func waits() async throws {
    let bulkhead = Bulkhead(
      policy: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 8, maxWait: .seconds(60)))
    let gate = Gate()
    let order = Shared<[Int]>([])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await bulkhead.run { await gate.pass() } }
      await gate.holds(1)
      for number in 1...3 {
        group.addTask {
          try? await bulkhead.run { order.value.append(number) }
        }
        while bulkhead.waitingCalls < number {
          try Task.checkCancellation()
          await Task.yield()
        }
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
    while bulkhead.waitingCalls < 1 {
      try Task.checkCancellation()
      await Task.yield()
    }
    waiter.cancel()
    let error = await #expect(throws: RPCError.self) { try await waiter.value }
    #expect(error?.status == .cancelled)
    gate.open()
    try await holder.value
    try await bulkhead.run {}
    #expect(bulkhead.runningCalls == 0)
  }

  // MARK: what the breaker does not see

  @Test("the time that a call waits for a place is not the server's")
  func waitingIsNotSlow() async throws {
    let gate = Gate()
    let server = ScriptedChannel(gate: gate)
    server.outcomes.withLock { $0 = [RPCError(.cancelled, "says nothing")] }
    let time = Shared(NIODeadline.uptimeNanoseconds(1))
    let channel = GuardedChannel(
      server, breaker: CircuitBreakerPolicy(minimumCalls: 1, slowCall: .milliseconds(400)),
      bulkhead: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 1, maxWait: .seconds(60)),
      now: { time.value })
    async let first = Self.error(channel)
    await gate.holds(1)
    async let second = Self.error(channel, timeout: .seconds(60))
    while channel.waitingCalls < 1 {
      try Task.checkCancellation()
      await Task.yield()
    }
    time.value = time.value + .seconds(10)
    gate.open()
    #expect(await first?.status == .cancelled)
    #expect(await second == nil)
    #expect(channel.circuit == .closed)
    #expect(server.timeouts.withLock { $0 } == [.seconds(5), .seconds(50)], "waiting counts")
  }

  @Test("a call whose time is over is refused here, before the circuit and while it waits")
  func spentDeadline() async {
    let gate = Gate()
    let server = ScriptedChannel(gate: gate)
    let channel = GuardedChannel(
      server, breaker: Self.touchy,
      bulkhead: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 1, maxWait: .seconds(60)))
    let past = RPCContext(deadline: NIODeadline.now() - .seconds(1))
    let inherited = await RPCContext.$current.withValue(past) { await Self.error(channel) }
    let own = await Self.error(channel, timeout: .zero)
    async let holder = Self.error(channel)
    await gate.holds(1)
    let waiting = await Self.error(channel, timeout: .milliseconds(20))
    for error in [inherited, own, waiting] {
      #expect(error?.status == .deadlineExceeded)
      #expect(error?.notProcessed == true)
    }
    gate.open()
    #expect(await holder == nil)
    #expect(server.calls.withLock { $0 } == 1)
    #expect(channel.circuit == .closed)
  }

  @Test("lack of room on this side says nothing about the server")
  func ownLimits() async {
    let server = ScriptedChannel()
    server.failure.withLock {
      $0 = RPCError(.resourceExhausted, "too many calls in flight", notProcessed: true)
    }
    let channel = GuardedChannel(server, breaker: Self.touchy)
    for _ in 0..<5 { #expect(await Self.error(channel)?.status == .resourceExhausted) }
    #expect(channel.circuit == .closed)
    server.failure.withLock { $0 = RPCError(.resourceExhausted, "the answer is too large") }
    _ = await Self.error(channel)
    #expect(channel.circuit == .open)
  }

  @Test("who may not wait at all is refused, and never forgotten")
  func noWait() async throws {
    let bulkhead = Bulkhead(
      policy: BulkheadPolicy(maxConcurrentCalls: 1, maxWaitingCalls: 8, maxWait: .zero))
    let gate = Gate()
    let holder = Task { try await bulkhead.run { await gate.pass() } }
    await gate.holds(1)
    for _ in 0..<200 {
      let error = await #expect(throws: RPCError.self) { try await bulkhead.run {} }
      #expect(error?.reason == "bulkhead-full")
    }
    #expect(bulkhead.waitingCalls == 0)
    gate.open()
    try await holder.value
  }

  @Test("a policy that could never work is a programming error")
  func policies() async {
    await #expect(processExitsWith: .failure) { _ = CircuitBreakerPolicy(windowCalls: 0) }
    await #expect(processExitsWith: .failure) { _ = CircuitBreakerPolicy(probes: 0) }
    await #expect(processExitsWith: .failure) { _ = BulkheadPolicy(maxConcurrentCalls: 0) }
    await #expect(processExitsWith: .failure) {
      var policy = BulkheadPolicy()
      policy.maxWaitingCalls = -1
      _ = Bulkhead(policy: policy)
    }
  }

  // MARK: what is a failure

  @Test(
    "what a service explains itself is an answer, what the runtime says is a failure",
    arguments: [
      (RPCError(.unavailable, "gifts are closed", reason: "gifts-unavailable"), false),
      (RPCError(.resourceExhausted, "later", reason: "too-many-gifts"), false),
      (RPCError(.notFound, "no such class"), false),
      (RPCError(.unavailable, "the connection was closed"), true),
      (RPCError(.unavailable, "another circuit", reason: "circuit-open"), true),
      (RPCError(.resourceExhausted, "the answer is too large"), true),
      (RPCError(.deadlineExceeded, "no answer", reason: "whatever"), true),
      (RPCError(.internal, "the handler failed", reason: "whatever"), true),
    ])
  func failures(_ error: RPCError, _ isFailure: Bool) async {
    #expect(GuardedChannel.isFailure(error) == isFailure)
    let server = ScriptedChannel()
    server.failure.withLock { $0 = error }
    let channel = GuardedChannel(server, breaker: Self.touchy)
    #expect(await Self.error(channel) == error)
    #expect(channel.circuit == (isFailure ? .open : .closed))
  }

  @Test("what a failure is can be chosen")
  func chosenFailures() async {
    let server = ScriptedChannel()
    let channel = GuardedChannel(
      server, breaker: Self.touchy, isFailure: { $0.status == .notFound })
    server.failure.withLock { $0 = RPCError(.unavailable, "away") }
    _ = await Self.error(channel)
    #expect(channel.circuit == .closed)
    server.failure.withLock { $0 = RPCError(.cancelled, "left") }
    _ = await Self.error(channel)
    #expect(channel.circuit == .closed)
    server.failure.withLock { $0 = RPCError(.notFound, "lost") }
    _ = await Self.error(channel)
    #expect(channel.circuit == .open)
  }

  // MARK: not probing

  @Test("who does not probe is refused until somebody else has found the server well")
  func withoutProbing() async {
    let server = ScriptedChannel()
    server.failure.withLock { $0 = RPCError(.unavailable, "down") }
    let time = Shared(NIODeadline.uptimeNanoseconds(1))
    let channel = GuardedChannel(
      server, breaker: CircuitBreakerPolicy(minimumCalls: 3, firstOpenTime: .seconds(1), probes: 2),
      now: { time.value })
    let user = channel.withoutProbing()
    // One breaker for both.
    for _ in 0..<3 { #expect(await Self.error(user)?.message == "down") }
    #expect(channel.circuit == .open)
    server.failure.withLock { $0 = nil }
    for seconds in [0, 2, 3_600] as [Int64] {
      time.value = time.value + .seconds(seconds)
      let refusal = await Self.error(user)
      #expect(refusal?.status == .unavailable)
      #expect(refusal?.reason == "circuit-open")
      #expect(refusal?.notProcessed == true)
    }
    #expect(channel.circuit == .open)
    #expect(server.calls.withLock { $0 } == 3)
    // The recovery loop probes; half-open is not closed.
    #expect(await Self.error(channel) == nil)
    #expect(channel.circuit == .halfOpen)
    #expect(await Self.error(user)?.reason == "circuit-open")
    #expect(await Self.error(channel) == nil)
    #expect(channel.circuit == .closed)
    #expect(await Self.error(user) == nil)
    #expect(server.calls.withLock { $0 } == 6)
  }
}
