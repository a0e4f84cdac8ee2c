import NIOCore
import Synchronization

/// How much of a caller may be busy with one dependency.
public struct BulkheadPolicy: Hashable, Sendable {
  /// Calls at once, 1 or more.
  public var maxConcurrentCalls: Int
  /// Calls that may wait for a place, 0 or more.
  public var maxWaitingCalls: Int
  /// How long each of them waits at most.
  public var maxWait: Duration

  public init(
    maxConcurrentCalls: Int = 256, maxWaitingCalls: Int = 128,
    maxWait: Duration = .milliseconds(250)
  ) {
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxWaitingCalls = maxWaitingCalls
    self.maxWait = maxWait
    self.check()
  }

  fileprivate func check() {
    precondition(self.maxConcurrentCalls >= 1, "a bulkhead without a place lets nobody through")
    precondition(self.maxWaitingCalls >= 0, "a bulkhead cannot have fewer than no waiters")
  }
}

/// Bounds the calls to one dependency, so that its trouble cannot take all of its caller with it
/// (Nygard, "Release It!"). First come, first served.
public final class Bulkhead: Sendable {
  private struct State {
    var running = 0
    var nextID = 0
    /// In order of arrival.
    var order: [Int] = []
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
  }

  private let policy: BulkheadPolicy
  private let state = Mutex(State())

  public init(policy: BulkheadPolicy) {
    policy.check()
    self.policy = policy
  }

  /// Calls that run now.
  public var runningCalls: Int { self.state.withLock { $0.running } }

  /// Calls that wait for a place now.
  public var waitingCalls: Int { self.state.withLock { $0.waiters.count } }

  /// Runs `work` when there is a place for it.
  ///
  /// - Throws: ``RPCError`` resource exhausted, not processed, when there is none in time; what
  ///   `work` throws.
  public func run<Answer>(_ work: () async throws -> Answer) async throws -> Answer {
    _ = try await self.enter(timeLeft: nil)
    defer { self.leave() }
    return try await work()
  }

  static let fullReason = "bulkhead-full"
  private static let full = RPCError(
    .resourceExhausted, "too many calls are waiting for this dependency",
    reason: Bulkhead.fullReason, notProcessed: true)

  private enum Place {
    case free
    case waiting(Int)
    case full
  }

  /// Takes a place; whoever has it gives it back with ``leave()``.
  ///
  /// - Parameter timeLeft: until the caller's deadline, nil when it has none.
  /// - Returns: whether the caller had to wait.
  /// - Throws: ``RPCError``, not processed: resource exhausted, deadline exceeded or cancelled.
  func enter(timeLeft: TimeAmount?) async throws -> Bool {
    let place = self.state.withLock { state -> Place in
      if state.running < self.policy.maxConcurrentCalls {
        state.running += 1
        return .free
      }
      guard state.waiters.count < self.policy.maxWaitingCalls else { return .full }
      state.nextID += 1
      return .waiting(state.nextID)
    }
    switch place {
    case .free: return false
    case .full: throw Self.full
    case .waiting(let id): try await self.wait(id, timeLeft)
    }
    return true
  }

  private func wait(_ id: Int, _ timeLeft: TimeAmount?) async throws {
    let timeLeft = timeLeft.map { Duration.nanoseconds($0.nanoseconds) }
    let maxWait = timeLeft.map { min($0, self.policy.maxWait) } ?? self.policy.maxWait
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    let hasPlace = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = self.state.withLock { state -> Bool? in
          if Task.isCancelled { return false }
          // A place may have become free since.
          if state.running < self.policy.maxConcurrentCalls {
            state.running += 1
            return true
          }
          state.waiters[id] = continuation
          state.order.append(id)
          return nil
        }
        if let answer {
          return continuation.resume(returning: answer)
        }
        // Not before there is a waiter for it to give up.
        timer = Task {
          try? await Task.sleep(for: maxWait)
          self.giveUp(id)
        }
      }
    } onCancel: {
      self.giveUp(id)
    }
    guard !hasPlace else { return }
    if Task.isCancelled { throw RPCError.cancelledByCaller(notProcessed: true) }
    if let timeLeft, timeLeft <= self.policy.maxWait {
      throw RPCError.deadlinePassed(notProcessed: true)
    }
    throw Self.full
  }

  private func giveUp(_ id: Int) {
    let waiter = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard let waiter = state.waiters.removeValue(forKey: id) else { return nil }
      state.order.removeAll { $0 == id }
      return waiter
    }
    waiter?.resume(returning: false)
  }

  /// Hands the place to the one who has waited longest.
  func leave() {
    let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard !state.order.isEmpty else {
        state.running -= 1
        return nil
      }
      return state.waiters.removeValue(forKey: state.order.removeFirst())
    }
    next?.resume(returning: true)
  }
}
