import NIOCore
import Synchronization

/// How much of a caller may be busy with one dependency.
public struct BulkheadPolicy: Hashable, Sendable {
  /// Calls at once.
  public var maxConcurrentCalls: Int
  /// Calls that may wait for a place.
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
  }
}

/// Bounds the calls to one dependency, so that its trouble cannot take all of its caller with it
/// (Nygard, "Release It!"). First come, first served.
public final class Bulkhead: Sendable {
  private struct State {
    var running = 0
    var nextID = 0
    /// In order of arrival; those that gave up are nil and skipped.
    var order: [Int] = []
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
  }

  private let policy: BulkheadPolicy
  private let state = Mutex(State())

  public init(policy: BulkheadPolicy) {
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
    try await self.enter()
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

  private func enter() async throws {
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
    case .free: return
    case .full: throw Self.full
    case .waiting(let id): try await self.wait(id)
    }
  }

  private func wait(_ id: Int) async throws {
    let timer = Task {
      try? await Task.sleep(for: self.policy.maxWait)
      self.giveUp(id)
    }
    defer { timer.cancel() }
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
          continuation.resume(returning: answer)
        }
      }
    } onCancel: {
      self.giveUp(id)
    }
    guard hasPlace else {
      throw Task.isCancelled ? RPCError.cancelledByCaller : Self.full
    }
  }

  private func giveUp(_ id: Int) {
    self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: false)
  }

  /// Hands the place to the one who has waited longest.
  private func leave() {
    let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
      while !state.order.isEmpty {
        if let waiter = state.waiters.removeValue(forKey: state.order.removeFirst()) {
          return waiter
        }
      }
      state.running -= 1
      return nil
    }
    next?.resume(returning: true)
  }
}
