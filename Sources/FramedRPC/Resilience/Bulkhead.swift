import NIOCore
import Synchronization

/// How much of a caller may be busy with one dependency.
public struct BulkheadPolicy: Hashable, Sendable {
  /// Calls at once, 1 or more.
  public var maxConcurrentCalls: Int
  /// Calls that may wait for a place, 0 or more.
  public var maxWaitingCalls: Int
  /// How long each of them waits at most, 0 or more; its deadline may be earlier.
  public var maxWait: Duration
  /// As many calls at once, up to `maxConcurrentCalls`, as do not make each other slow; nil: always
  /// so many.
  public var adaptive: AdaptiveLimitPolicy?

  public init(
    maxConcurrentCalls: Int = 256, maxWaitingCalls: Int = 128,
    maxWait: Duration = .milliseconds(250), adaptive: AdaptiveLimitPolicy? = nil
  ) {
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxWaitingCalls = maxWaitingCalls
    self.maxWait = maxWait
    self.adaptive = adaptive
    self.check()
  }

  func check() {
    precondition(self.maxConcurrentCalls >= 1, "a bulkhead without a place lets nobody through")
    precondition(self.maxWaitingCalls >= 0, "a bulkhead cannot have fewer than no waiters")
    precondition(self.maxWait >= .zero, "nobody waits for less than no time")
  }
}

/// What a bulkhead has done and holds now.
public struct BulkheadStatistics: Hashable, Sendable {
  /// Its limits.
  public var policy = BulkheadPolicy()
  /// Calls at once that are allowed now.
  public var limit = 0
  /// Calls that run now …
  public var running = 0
  /// … and that wait for a place.
  public var waiting = 0

  // Since the start.

  /// Calls that got a place, at once or later …
  public var admitted = 0
  /// … and those of them that had to wait for it.
  public var admittedLater = 0
  /// Calls that did not get a place because too many waited …
  public var refusedFull = 0
  /// … or because they had waited for the longest time, or up to their deadline.
  public var refusedWait = 0
  /// Calls whose caller left while they waited.
  public var abandoned = 0

  public init() {}
}

/// Does `action` after a time, unless what it returns is called before.
package typealias GuardTimer =
  @Sendable (
    _ delay: TimeAmount, _ action: @escaping @Sendable () -> Void
  ) -> @Sendable () -> Void

/// Bounds the calls to one dependency, so that its trouble cannot take all of its caller with it
/// (Nygard, "Release It!"). First come, first served. What it decides is in `BulkheadState`.
public final class Bulkhead: Sendable {
  /// Told nil when the call has a place.
  private typealias State = BulkheadState<CheckedContinuation<BulkheadRefusal?, Never>>

  private let state: Mutex<State>
  private let now: @Sendable () -> NIODeadline
  private let timer: GuardTimer

  /// - Parameter now: the clock, so that a test can move it.
  public convenience init(
    policy: BulkheadPolicy, now: @escaping @Sendable () -> NIODeadline = { NIODeadline.now() }
  ) {
    self.init(policy: policy, now: now, timer: Self.sleepingTimer)
  }

  /// - Parameter timer: ends the waiting of those that wait for too long; goes by the same clock as
  ///   `now`.
  package init(
    policy: BulkheadPolicy, now: @escaping @Sendable () -> NIODeadline, timer: @escaping GuardTimer
  ) {
    self.state = Mutex(State(policy: policy, now: now()))
    self.now = now
    self.timer = timer
  }

  /// In real time, on the shared pool.
  package static let sleepingTimer: GuardTimer = { delay, action in
    let task = Task {
      try? await Task.sleep(for: .nanoseconds(delay.nanoseconds))
      action()
    }
    return { task.cancel() }
  }

  /// Calls that run now.
  public var runningCalls: Int { self.state.withLock { $0.running } }

  /// Calls that wait for a place now.
  public var waitingCalls: Int { self.state.withLock { $0.waiting } }

  public var statistics: BulkheadStatistics { self.state.withLock { $0.statistics } }

  /// Its limits; others hold from the moment they are set, also for those that wait.
  public var policy: BulkheadPolicy {
    get { self.state.withLock { $0.policy } }
    set {
      let now = self.now()
      self.tell(self.state.withLock { $0.setPolicy(newValue, now: now) })
    }
  }

  /// Runs `work` when there is a place for it.
  ///
  /// - Throws: ``RPCError`` resource exhausted, not processed, when there is none in time; what
  ///   `work` throws.
  public func run<Answer>(_ work: () async throws -> Answer) async throws -> Answer {
    _ = try await self.enter(deadline: nil)
    defer { self.leave(began: nil, now: self.now()) }
    return try await work()
  }

  static let fullReason = "bulkhead-full"
  private static let full = RPCError(
    .resourceExhausted, "too many calls are waiting for this dependency",
    reason: Bulkhead.fullReason, notProcessed: true)

  /// Takes a place; whoever has it gives it back with ``leave(began:now:)``.
  ///
  /// - Parameter deadline: the caller's, nil when it has none.
  /// - Returns: whether the caller had to wait.
  /// - Throws: ``RPCError``, not processed: resource exhausted, deadline exceeded or cancelled.
  func enter(deadline: NIODeadline?) async throws -> Bool {
    switch self.state.withLock({ $0.enter() }) {
    case .admitted: return false
    case .full: throw Self.full
    case .mayWait(let id): try await self.wait(id, deadline)
    }
    return true
  }

  private func wait(_ id: UInt64, _ deadline: NIODeadline?) async throws {
    var stopTimer: (@Sendable () -> Void)?
    defer { stopTimer?() }
    let refusal = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now = self.now()
        let arrival = self.state.withLock { state -> State.Arrival in
          if Task.isCancelled { return .refused(.full) }
          return state.wait(id, deadline: deadline, now: now) { continuation }
        }
        switch arrival {
        case .admitted: continuation.resume(returning: nil)
        case .refused(let refusal): continuation.resume(returning: refusal)
        case .queued(let until):
          // Not before there is a waiter for it to give up.
          stopTimer = self.timer(until - now) { self.giveUp(id, isCancelled: false) }
        }
      }
    } onCancel: {
      self.giveUp(id, isCancelled: true)
    }
    guard let refusal else { return }
    if Task.isCancelled { throw RPCError.cancelledByCaller(notProcessed: true) }
    throw refusal == .deadline ? RPCError.deadlinePassed(notProcessed: true) : Self.full
  }

  private func giveUp(_ id: UInt64, isCancelled: Bool) {
    if let decision = self.state.withLock({ $0.giveUp(id, isCancelled: isCancelled) }) {
      self.tell([decision])
    }
  }

  /// Hands the place to the one who has waited longest.
  ///
  /// - Parameter began: when the call got its place; nil when how long it took says nothing.
  func leave(began: NIODeadline?, now: NIODeadline) {
    self.tell(self.state.withLock { $0.leave(began: began, now: now) })
  }

  private func tell(_ decisions: [State.Decision]) {
    for decision in decisions { decision.waiter.resume(returning: decision.refusal) }
  }
}
