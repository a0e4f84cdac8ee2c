import FramedRPC
import NIOCore
import Synchronization

/// Time that passes only when a test says so.
final class ManualClock: Sendable {
  private struct State {
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var sleepers: [Int: (until: NIODeadline, continuation: CheckedContinuation<Void, any Error>)] =
      [:]
    var lastID = 0
    /// Every sleep that was asked for, in order.
    var asked: [TimeAmount] = []
    var watchers: [(count: Int, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  var now: NIODeadline { self.state.withLock { $0.now } }

  var asked: [TimeAmount] { self.state.withLock { $0.asked } }

  var clock: ClientClock {
    ClientClock(now: { self.now }, sleep: { try await self.sleep($0) })
  }

  func advance(by amount: TimeAmount) {
    let due = self.state.withLock { state in
      state.now = state.now + amount
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.sorted { $0.until < $1.until }.map(\.continuation)
    }
    for sleeper in due { sleeper.resume() }
  }

  /// Returns when so many sleep.
  func waitForSleepers(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = self.state.withLock { state in
        guard state.sleepers.count < count else { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  private func sleep(_ amount: TimeAmount) async throws {
    let id = self.state.withLock { state in
      state.lastID += 1
      state.asked.append(amount)
      return state.lastID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isOver, watchers) = self.state.withLock { state in
          guard amount > .zero, !Task.isCancelled else {
            return (true, [CheckedContinuation<Void, Never>]())
          }
          state.sleepers[id] = (state.now + amount, continuation)
          let count = state.sleepers.count
          let watchers = state.watchers.filter { $0.count <= count }.map(\.1)
          state.watchers.removeAll { $0.count <= count }
          return (false, watchers)
        }
        if isOver {
          continuation.resume(with: Result { try Task.checkCancellation() })
        }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      self.state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation
        .resume(throwing: CancellationError())
    }
  }
}

/// The same numbers every time: SplitMix64 (Steele, Lea and Flood, 2014).
struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(_ seed: UInt64) {
    self.state = seed
  }

  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = self.state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
