import NIOCore
import Synchronization

/// When a resolver looks again: after its interval, or sooner when it is told to, but with a
/// distance between two looks.
final class ResolverPacer: Sendable {
  private struct State {
    var isAsked = false
    var sleeper: (id: Int, continuation: CheckedContinuation<Void, Never>)?
    var lastID = 0
  }

  private let clock: ClientClock
  private let interval: TimeAmount
  private let minInterval: TimeAmount
  private let state = Mutex(State())

  init(clock: ClientClock, interval: TimeAmount, minInterval: TimeAmount) {
    self.clock = clock
    self.interval = interval
    self.minInterval = min(minInterval, interval)
  }

  /// Look sooner.
  func ask() {
    self.wake { state in
      state.isAsked = true
      return true
    }
  }

  /// Waits between two looks.
  ///
  /// - Throws: `CancellationError`.
  func pause() async throws {
    try await self.clock.sleep(self.minInterval)
    let rest = self.interval - self.minInterval
    let id = self.state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustSleep = self.state.withLock { state in
          guard !state.isAsked, !Task.isCancelled else { return false }
          state.sleeper = (id, continuation)
          return true
        }
        guard mustSleep else { return continuation.resume() }
        // Not before there is a sleeper for it to wake.
        timer = Task {
          guard (try? await self.clock.sleep(rest)) != nil else { return }
          self.wake { $0.sleeper?.id == id }
        }
      }
    } onCancel: {
      self.wake { _ in true }
    }
    self.state.withLock { $0.isAsked = false }
    try Task.checkCancellation()
  }

  private func wake(if isMeant: (inout State) -> Bool) {
    let sleeper = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard isMeant(&state), let sleeper = state.sleeper else { return nil }
      state.sleeper = nil
      return sleeper.continuation
    }
    sleeper?.resume()
  }
}
