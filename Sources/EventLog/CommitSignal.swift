import Synchronization

/// Wakes those who wait for something new to be committed.
///
/// A waiter first notes the generation, then looks, and waits only for a later generation: nothing
/// that happens between the look and the wait is missed.
final class CommitSignal: Sendable {
  private struct State {
    var generation = 0
    var isStopped = false
    var nextID = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  var generation: Int { self.state.withLock { $0.generation } }

  var isStopped: Bool { self.state.withLock { $0.isStopped } }

  /// Something was committed.
  func raise() {
    self.wakeAll { $0.generation += 1 }
  }

  /// No one waits any more, now or later.
  func stop() {
    self.wakeAll { $0.isStopped = true }
  }

  private func wakeAll(_ change: (inout State) -> Void) {
    let waiters = self.state.withLock { state in
      change(&state)
      defer { state.waiters.removeAll() }
      return Array(state.waiters.values)
    }
    for waiter in waiters {
      waiter.resume()
    }
  }

  /// Returns when the generation is past `generation`, at `end`, when stopped or when the task is
  /// cancelled.
  ///
  /// - Returns: whether there is something new to look at.
  func wait(past generation: Int, until end: ContinuousClock.Instant) async -> Bool {
    guard end > .now else { return false }
    await self.sleep(past: generation, until: end)
    return self.state.withLock { $0.generation > generation && !$0.isStopped }
      && !Task.isCancelled
  }

  private func sleep(past generation: Int, until end: ContinuousClock.Instant) async {
    let id = self.state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let sleeper = Task {
      try? await Task.sleep(until: end)
      self.wake(id)
    }
    defer { sleeper.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustWait = self.state.withLock { state in
          guard state.generation <= generation, !state.isStopped, !Task.isCancelled else {
            return false
          }
          state.waiters[id] = continuation
          return true
        }
        if !mustWait {
          continuation.resume()
        }
      }
    } onCancel: {
      self.wake(id)
    }
  }

  private func wake(_ id: Int) {
    self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
  }
}
