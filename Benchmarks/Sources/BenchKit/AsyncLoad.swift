public import NIOCore
import NIOPosix
import Synchronization

/// A contestant's client, as the load sees it.
public protocol Caller: Sendable {
  /// One unary call; its handler sleeps `delayMs` first.
  func call(delayMs: Int32) async throws
  /// One server stream; `receive` counts each message.
  func stream(messages: Int, receive: @Sendable () -> Void) async throws
}

extension Load {
  /// The closed model: every task has one call in flight.
  ///
  /// Inlinable, as ``Caller/call(delayMs:)`` in its contestants: what the load does between a task and
  /// the stub it calls would count as the contestant's.
  @inlinable
  public func callAll(_ caller: some Caller, on executor: (any TaskExecutor)?) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      for slot in self.slots {
        group.addTask(executorPreference: executor) {
          var start = now()
          repeat {
            try await caller.call(delayMs: 0)
            guard let next = slot.finished(start) else { return }
            start = next
          } while true
        }
      }
    }
  }

  /// Streams one after the other in every slot, until time is up.
  public func streamAll(_ caller: some Caller, on executor: (any TaskExecutor)?) async throws {
    let messages = self.options.streamMessages
    try await withThrowingDiscardingTaskGroup { group in
      for slot in self.slots {
        group.addTask(executorPreference: executor) {
          while now() < self.end {
            try await caller.stream(messages: messages) { _ = slot.received() }
          }
        }
      }
    }
  }

  /// The open model: `loop` starts each call when it is due. Latency counts from then.
  public func callAtRate(
    _ caller: some Caller, loop: any EventLoop, on executor: (any TaskExecutor)?
  ) async throws {
    let open = OpenLoad(self, caller, loop, executor)
    try await withUnsafeThrowingContinuation { continuation in
      loop.execute { open.begin(continuation) }
    }
  }
}

/// `@unchecked Sendable`: `pace` is touched on the loop only.
private final class OpenLoad<C: Caller>: @unchecked Sendable {
  private struct State {
    var outstanding = 0
    var isOver = false
    var continuation: UnsafeContinuation<Void, any Error>?
  }

  private let load: Load
  private let caller: C
  private let loop: any EventLoop
  private let executor: (any TaskExecutor)?
  private var pace: Pace
  /// Guards the slot too.
  private let state = Mutex(State())

  init(_ load: Load, _ caller: C, _ loop: any EventLoop, _ executor: (any TaskExecutor)?) {
    self.load = load
    self.caller = caller
    self.loop = loop
    self.executor = executor
    self.pace = Pace(load.options)
  }

  func begin(_ continuation: UnsafeContinuation<Void, any Error>) {
    self.state.withLock { $0.continuation = continuation }
    self.pace = Pace(self.load.options)
    self.turn()
  }

  private func turn() {
    let time = now()
    while self.pace.due <= time, self.pace.due < self.load.end,
      self.state.withLock({ $0.outstanding }) < Pace.maxOutstanding
    {
      self.start(due: self.pace.due, isSlow: self.pace.isSlow)
      self.pace.advance()
    }
    guard self.pace.due < self.load.end, time < self.load.end else {
      return self.finish { $0.isOver = true }
    }
    self.loop.scheduleTask(deadline: self.pace.wakeUp(after: time)) { self.turn() }
  }

  private func start(due: Int64, isSlow: Bool) {
    self.state.withLock { $0.outstanding += 1 }
    Task.immediate(executorPreference: self.executor) {
      do {
        try await self.caller.call(delayMs: isSlow ? self.load.options.slowMs : 0)
      } catch {
        fail("a call failed: \(error)")
      }
      self.finish { state in
        state.outstanding -= 1
        _ = self.load.slots[0].finished(due, slow: isSlow)
      }
    }
  }

  private func finish(_ change: (inout State) -> Void) {
    let continuation = self.state.withLock { state -> UnsafeContinuation<Void, any Error>? in
      change(&state)
      guard state.isOver, state.outstanding == 0 else { return nil }
      return state.continuation.take()
    }
    continuation?.resume()
  }
}
