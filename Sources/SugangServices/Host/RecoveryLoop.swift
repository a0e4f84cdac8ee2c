import Kernel
import Logging
import ServiceLifecycle
import Synchronization

/// Runs a piece of work again and again: when it is woken, and at least once an interval.
///
/// The durable "pending" that a fallback leaves behind is finished here, also after a crash.
package final class RecoveryLoop: Service {
  private struct State {
    var isWoken = false
    var sleeper: CheckedContinuation<Void, Never>?
  }

  package let name: String
  package let interval: Duration
  private let logger: Logger
  /// One round.
  package let work: @Sendable () async throws -> Settlement
  private let state = Mutex(State())

  /// - Parameter work: one round; it is run again at once while it settles something.
  init(
    _ name: String, every interval: Duration, logger: Logger,
    work: @escaping @Sendable () async throws -> Settlement
  ) {
    self.name = name
    self.interval = interval
    self.logger = logger
    self.work = work
  }

  /// There may be something to do.
  func wake() {
    let sleeper = self.state.withLock { state in
      state.isWoken = true
      defer { state.sleeper = nil }
      return state.sleeper
    }
    sleeper?.resume()
  }

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await self.round()
        await self.sleep()
      }
    }
  }

  /// Returns when nothing is left.
  private func round() async {
    while !Task.isCancelled {
      do {
        let settlement = try await self.work()
        if settlement.settled > 0 { continue }
        if settlement.remaining == 0 { return }
      } catch {
        guard !Task.isCancelled else { return }
        self.logger.warning(
          "recovery failed", metadata: ["loop": "\(self.name)", "error": "\(error)"])
      }
      // What is left waits for a dependency: being woken would only ask it in vain.
      try? await Task.sleep(for: self.interval)
    }
  }

  private func sleep() async {
    let timer = Task {
      // A timer that was cancelled must not wake the next sleep: the loop would never rest again.
      guard (try? await Task.sleep(for: self.interval)) != nil else { return }
      self.wake()
    }
    defer { timer.cancel() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let mustSleep = self.state.withLock { state in
          if state.isWoken || Task.isCancelled {
            state.isWoken = false
            return false
          }
          state.sleeper = continuation
          return true
        }
        if !mustSleep {
          continuation.resume()
        }
      }
      self.state.withLock { $0.isWoken = false }
    } onCancel: {
      self.wake()
    }
  }
}
