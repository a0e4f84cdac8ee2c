import FramedRPC
import NIOCore
import SugangServices

/// One call and its caller, who gets one answer whatever happens.
///
/// Deadlines are as the runtime's: a call takes what its caller has left at most, the time left goes
/// with the request, and the server counts it from the moment when the request is there.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class Exchange: @unchecked Sendable {
  let call: RPCCall
  fileprivate var continuation: CheckedContinuation<ByteBuffer, any Error>?
  fileprivate var deadline: SimulatedTimer?

  init(_ call: RPCCall) {
    self.call = call
  }

  var isOver: Bool { self.continuation == nil }

  func finish(_ result: Result<ByteBuffer, any Error>) {
    guard let continuation = self.continuation else { return }
    self.continuation = nil
    self.deadline?.cancel()
    continuation.resume(with: result)
  }
}

/// A request that is at its server: when it runs, and what it writes.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class ServedCall: @unchecked Sendable {
  /// Of the task that answers a call.
  @TaskLocal static var current: ServedCall?

  let method: String
  /// In virtual microseconds.
  let began: Int64
  /// How often its server had started.
  let starts: Int
  /// nil while it runs.
  var ended: Int64?
  /// When its last unit of work ran, nil before the first.
  var lastWrite: Int64?

  init(_ method: String, at time: Int64, starts: Int) {
    self.method = method
    self.began = time
    self.starts = starts
  }

  var registers: Bool { self.method == "sugang.enrollment.v1.EnrollmentService/Enroll" }
  var takesTicket: Bool { self.method == "sugang.enrollment.v1.WaitingRoomService/TakeTicket" }
}

/// The way from one service, or from a user, to another service: through the faulty network.
///
/// `@unchecked Sendable`: belongs to the scheduler's thread.
final class SimulatedChannel: RPCChannel, @unchecked Sendable {
  private let world: World
  /// nil is a user.
  private let caller: Life?
  private let target: ServiceName

  init(world: World, caller: Life?, target: ServiceName) {
    self.world = world
    self.caller = caller
    self.target = target
  }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    let exchange = Exchange(call)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        exchange.continuation = continuation
        if Task.isCancelled {
          exchange.finish(.failure(RPCError(.cancelled, "the caller left", notProcessed: true)))
        } else {
          self.world.send(exchange, from: self.caller, to: self.target)
        }
      }
    } onCancel: {
      exchange.finish(.failure(RPCError(.cancelled, "the caller left")))
    }
  }

  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    throw RPCError(.unimplemented, "the simulated network has no streams")
  }
}

extension World {
  /// Calls that the real client may send twice: those that change nothing and those with a key.
  private static let repeatable = Set(CallPolicy.keyedCommands + CallPolicy.reads)

  func send(_ exchange: Exchange, from caller: Life?, to target: ServiceName) {
    let scheduler = self.scheduler
    self.messages += 1
    guard caller?.isAlive ?? true else {
      return exchange.finish(.failure(RPCError(.cancelled, "the service is gone")))
    }
    caller?.exchanges.append(exchange)
    let timeLeft = self.timeLeft(for: exchange.call)
    if let timeLeft {
      guard timeLeft > 0 else {
        return exchange.finish(
          .failure(
            RPCError(.deadlineExceeded, "the caller's deadline has passed", notProcessed: true)))
      }
      exchange.deadline = scheduler.after(timeLeft, "deadline") {
        self.count(.deadlinePassed)
        exchange.finish(.failure(RPCError(.deadlineExceeded, "no answer in time")))
      }
    }
    let node = self.node(target)
    if self.isCut(from: caller?.name, to: target) {
      self.count(.partition)
      return
    }
    if self.happens(.connectionReset, self.plan.connectionReset) {
      scheduler.after(self.latency(), "reset") {
        exchange.finish(.failure(RPCError(.unavailable, "the connection was reset")))
      }
      // The server may have it all the same.
      guard scheduler.random.chance(500) else { return }
    }
    if self.happens(.requestLost, self.plan.requestLost) { return }
    scheduler.after(self.latency(), "request") {
      self.deliver(exchange, to: node, until: timeLeft.map { scheduler.now + $0 })
    }
    if Self.repeatable.contains(exchange.call.method),
      self.happens(.requestTwice, self.plan.requestTwice)
    {
      // Sent later, it has so much less time.
      let deadline = timeLeft.map { scheduler.now + $0 }
      scheduler.after(scheduler.random.time(0...400_000), "repeat") {
        guard deadline.map({ $0 > scheduler.now }) ?? true else { return }
        self.deliver(exchange, to: node, until: deadline)
      }
    }
  }

  /// Of what the call may take and what its caller has left, the shorter, in microseconds.
  private func timeLeft(for call: RPCCall) -> Int64? {
    let own = call.options.timeout?.inMicroseconds
    guard let deadline = RPCContext.current?.deadline else { return own }
    let inherited = deadline.inVirtualMicroseconds - self.scheduler.now
    return own.map { min($0, inherited) } ?? inherited
  }

  private func deliver(_ exchange: Exchange, to node: Node, until deadline: Int64?) {
    guard let life = node.life, life.isAlive else {
      self.count(.nobodyListens)
      scheduler.after(self.latency(), "refused") {
        exchange.finish(
          .failure(RPCError(.unavailable, "nobody listens", notProcessed: true)))
      }
      return
    }
    if node.name == .pay, self.plan.slowPay.contains(where: { $0.from...$0.to ~= scheduler.now }),
      exchange.call.method.contains("PayService")
    {
      self.count(.slowPay)
      // It waits for a place there.
      scheduler.after(scheduler.random.time(300_000...3_000_000), "slow") {
        if life.isAlive { self.serve(exchange, life, until: deadline) }
      }
    } else {
      self.serve(exchange, life, until: deadline)
    }
  }

  private func serve(_ exchange: Exchange, _ life: Life, until deadline: Int64?) {
    let call = exchange.call
    guard let answer = life.answers[call.method] else {
      preconditionFailure("\(life.name.rawValue) has no \(call.method)")
    }
    let observesDeadlines = self.sabotage != .ignoresDeadlines
    if observesDeadlines, let deadline, deadline <= self.scheduler.now {
      // As admission does: the caller has its answer by now.
      self.count(.expiredInQueue)
      return
    }
    life.served.append(exchange)
    let served = ServedCall(
      call.method, at: self.scheduler.now, starts: self.node(life.name).starts)
    self.note(served)
    let context = RPCContext(
      deadline: deadline.map { NIODeadline(virtualMicroseconds: $0) },
      metadata: call.options.metadata, method: call.method)
    let work = self.scheduler.spawn {
      let result: Result<ByteBuffer, any Error>
      do {
        result = .success(
          try await ServedCall.$current.withValue(served) {
            try await RPCContext.$current.withValue(context) {
              self.begins("its handler")
              return try await answer(call.request, context)
            }
          })
      } catch {
        result = .failure(self.asTold(error, by: life, call.method))
      }
      served.ended = self.scheduler.now
      self.answer(exchange, life, result)
    }
    guard observesDeadlines else { return }
    if let deadline {
      self.scheduler.after(deadline - self.scheduler.now, "watch") { work.cancel() }
    }
    // Its connection was reset before it was there.
    if exchange.isOver { work.cancel() }
  }

  /// I10: called where a task begins something, by the code under test or by the runtime for it.
  func begins(_ what: String) {
    guard let context = RPCContext.current, let deadline = context.deadline else { return }
    let late = self.scheduler.now - deadline.inVirtualMicroseconds
    guard late > 0 else { return }
    self.violations.append(
      Violation(.i10, "\(context.method) began \(what) \(late) µs after its deadline"))
  }

  /// What a server tells of an error.
  private func asTold(_ error: any Error, by life: Life, _ method: String) -> RPCError {
    if var error = error as? RPCError {
      error.notProcessed = false
      return error
    }
    if error is CancellationError { return RPCError(.cancelled, "the caller left") }
    if life.isAlive, life.stopReason == nil, !method.contains("EventFeed") {
      self.violations.append(Violation(.i11, "\(method) failed without a word: \(error)"))
    }
    return RPCError(.internal, "the handler failed")
  }

  private func answer(
    _ exchange: Exchange, _ life: Life, _ result: Result<ByteBuffer, any Error>
  ) {
    life.served.removeAll { $0 === exchange }
    guard life.isAlive, !exchange.isOver else { return }
    self.messages += 1
    if self.happens(.answerLost, self.plan.answerLost) { return }
    var result = result
    var delay = self.latency()
    if self.happens(.answerLate, self.plan.answerLate) {
      delay = scheduler.random.time(200_000...4_000_000)
    }
    if case .success = result, self.happens(.answerGarbled, self.plan.answerGarbled) {
      // Empty is a message without fields; the other is none.
      result = .success(ByteBuffer(bytes: scheduler.random.chance(500) ? [] : [0xFF]))
    }
    scheduler.after(delay, "answer") { exchange.finish(result) }
  }

  private func latency() -> Int64 { self.scheduler.random.time(100...4_000) }

  private func isCut(from: ServiceName?, to: ServiceName) -> Bool {
    let now = self.scheduler.now
    return self.plan.partitions.contains { cut in
      guard cut.from...cut.to ~= now else { return false }
      return cut.isDeaf && cut.2 == to || cut.isMute && cut.2 == from
    }
  }
}

extension Duration {
  var inMicroseconds: Int64 {
    self.components.seconds * 1_000_000 + self.components.attoseconds / 1_000_000_000_000
  }
}

extension NIODeadline {
  /// The runtime's deadlines are on a clock of its own; here it shows the virtual time.
  init(virtualMicroseconds time: Int64) {
    self = .uptimeNanoseconds(UInt64(time) * 1_000)
  }

  fileprivate var inVirtualMicroseconds: Int64 { Int64(self.uptimeNanoseconds / 1_000) }
}
