import Kernel
import Logging
import Synchronization
import Testing

@testable import SugangServices

@Suite("A recovery loop")
struct RecoveryLoopTests {
  /// Longer than any test: what runs before it was woken.
  private static let never = Duration.seconds(3600)

  @Test("runs when it is woken, again while it settles something, and then rests")
  func rests() async throws {
    let rounds = Rounds(settling: [3, 2])
    let loop = RecoveryLoop("test", every: Self.never, logger: Logger(label: "test")) {
      rounds.next()
    }
    let running = Task { try await loop.run() }

    try await rounds.reached(3)  // 3, 2, and nothing more
    loop.wake()
    try await rounds.reached(4)
    loop.wake()
    try await rounds.reached(5)
    // A loop that does not rest would run on between any two of these.
    for _ in 0..<1000 { await Task.yield() }

    #expect(rounds.count == 5)
    running.cancel()
    try await running.value
  }

  @Test("runs once an interval without being woken")
  func interval() async throws {
    let rounds = Rounds(settling: [])
    let loop = RecoveryLoop("test", every: .milliseconds(1), logger: Logger(label: "test")) {
      rounds.next()
    }
    let running = Task { try await loop.run() }

    try await rounds.reached(5)

    running.cancel()
    try await running.value
  }

  @Test("goes on after an error")
  func survives() async throws {
    let rounds = Rounds(settling: [])
    let loop = RecoveryLoop("test", every: .milliseconds(1), logger: Self.quiet) {
      _ = rounds.next()
      throw CancellationError()
    }
    let running = Task { try await loop.run() }

    try await rounds.reached(3)

    running.cancel()
    try await running.value
  }

  private static let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }()
}

/// Counts the rounds of a loop, and settles what a script says.
private final class Rounds: Sendable {
  private let state: Mutex<(count: Int, settling: [Int])>
  private let counts: AsyncStream<Int>
  private let told: AsyncStream<Int>.Continuation

  init(settling: [Int]) {
    self.state = Mutex((0, settling))
    (self.counts, self.told) = AsyncStream<Int>.makeStream()
  }

  var count: Int { self.state.withLock { $0.count } }

  func next() -> Settlement {
    self.state.withLock { state in
      state.count += 1
      self.told.yield(state.count)
      return Settlement(
        settled: state.settling.isEmpty ? 0 : state.settling.removeFirst(), remaining: 0)
    }
  }

  func reached(_ wanted: Int) async throws {
    for await count in self.counts where count >= wanted { return }
  }
}
