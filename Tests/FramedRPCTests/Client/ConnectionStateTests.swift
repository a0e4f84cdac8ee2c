import NIOCore
import NIOEmbedded
import Testing

@testable import FramedRPC

@Suite("The life of a client's connection, as decisions")
struct ConnectionStateTests {
  private let error = RPCError(.unavailable, "nobody listens")

  private func connection() -> ClientConnection {
    ClientConnection(loop: EmbeddedEventLoop(), limits: .standard)
  }

  /// Adds a waiter whose outcome is thrown away.
  private func wait(
    _ state: inout ConnectionState, waitForReady: Bool = false, now: NIODeadline
  ) async -> String {
    var label = ""
    _ = try? await withCheckedThrowingContinuation { continuation in
      let action = state.wait(
        state.nextWaiterID(), continuation, waitForReady: waitForReady, now: now)
      label = Self.label(action)
      switch action {
      case .resume(let waiters, let result):
        for waiter in waiters { waiter.resume(with: result) }
      default:
        // The test is about decisions: the waiter leaves at once.
        continuation.resume(throwing: CancellationError())
      }
    }
    return label
  }

  private static func label(_ action: ConnectionState.Action) -> String {
    switch action {
    case .none: "none"
    case .connect: "connect"
    case .connectLater: "connect later"
    case .resume(_, .success): "connected"
    case .resume(_, .failure): "failed"
    case .resumeAndConnectLater: "failed, connect later"
    }
  }

  private func delay(_ action: ConnectionState.Action) -> TimeAmount? {
    switch action {
    case .connectLater(let delay), .resumeAndConnectLater(_, _, let delay): delay
    default: nil
    }
  }

  @Test("the first call connects, the next waits for the same attempt")
  func oneAttempt() async {
    var state = ConnectionState()
    #expect(await self.wait(&state, now: .uptimeNanoseconds(0)) == "connect")
    #expect(await self.wait(&state, now: .uptimeNanoseconds(0)) == "none")
  }

  @Test("while a server is away calls fail at once, those that wait for it stay")
  func backoff() async {
    var state = ConnectionState()
    let start = NIODeadline.uptimeNanoseconds(0)
    #expect(await self.wait(&state, now: start) == "connect")
    _ = state.removeWaiter(1)
    _ = state.lost(self.connection(), self.error, attempt: state.attempt, now: start)
    #expect(!state.mayRetryAtOnce)
    #expect(await self.wait(&state, now: start + .milliseconds(39)) == "failed")
    #expect(await self.wait(&state, now: start + .milliseconds(60)) == "connect")
  }

  @Test("who begins to wait for a server during a backoff has an attempt to wait for")
  func waitDuringBackoff() async throws {
    var state = ConnectionState()
    let start = NIODeadline.uptimeNanoseconds(0)
    #expect(await self.wait(&state, now: start) == "connect")
    _ = state.removeWaiter(1)
    _ = state.lost(self.connection(), self.error, attempt: state.attempt, now: start)
    // Nobody waited, so nothing was scheduled: the first to wait needs a timer, the next one not.
    let later = start + .milliseconds(39)
    #expect(await self.wait(&state, waitForReady: true, now: later) == "connect later")
    #expect(await self.wait(&state, waitForReady: true, now: later) == "none")
    #expect(Self.label(state.backoffEnded()) == "connect")
    // All of them leave before the backoff is over: who comes then needs a timer again.
    _ = state.lost(self.connection(), self.error, attempt: state.attempt, now: start)
    for id in 1...3 { _ = state.removeWaiter(id) }
    #expect(Self.label(state.backoffEnded()) == "none")
    #expect(await self.wait(&state, waitForReady: true, now: start) == "connect later")
  }

  @Test("attempts are spaced by 50 ms x 1.6^n up to 2 s, with 20 % of jitter")
  func spacing() async throws {
    var state = ConnectionState()
    var now = NIODeadline.uptimeNanoseconds(0)
    var expected = 50.0
    #expect(await self.wait(&state, waitForReady: true, now: now) == "connect")
    for _ in 0..<20 {
      let action = state.lost(self.connection(), self.error, attempt: state.attempt, now: now)
      let delay = try #require(self.delay(action))
      let milliseconds = Double(delay.nanoseconds) / 1_000_000
      #expect(milliseconds >= expected * 0.8 - 0.01)
      #expect(milliseconds <= expected * 1.2 + 0.01)
      expected = min(expected * 1.6, 2_000)
      now = now + delay
      #expect(Self.label(state.backoffEnded()) == "connect")
    }
  }

  @Test("a connection that worked starts the spacing anew, and the next call tries at once")
  func recovery() async {
    var state = ConnectionState()
    let now = NIODeadline.uptimeNanoseconds(0)
    for _ in 0..<5 {
      _ = await self.wait(&state, waitForReady: true, now: now)
      _ = state.lost(self.connection(), self.error, attempt: state.attempt, now: now)
      _ = state.backoffEnded()
    }
    let connection = self.connection()
    #expect(Self.label(state.connected(connection, attempt: state.attempt)) == "connected")
    #expect(state.ready === connection)
    #expect(
      Self.label(state.lost(connection, self.error, attempt: state.attempt, now: now)) == "none")
    #expect(state.mayRetryAtOnce)
    #expect(await self.wait(&state, waitForReady: true, now: now) == "connect")
    let delay = self.delay(
      state.lost(self.connection(), self.error, attempt: state.attempt, now: now))
    #expect(delay.map { $0 <= .milliseconds(60) } == true)
  }

  @Test("an old connection that ends late changes nothing")
  func staleConnection() async {
    var state = ConnectionState()
    let now = NIODeadline.uptimeNanoseconds(0)
    _ = await self.wait(&state, now: now)
    let current = self.connection()
    _ = state.connected(current, attempt: state.attempt)
    _ = state.lost(self.connection(), self.error, attempt: state.attempt, now: now)
    #expect(state.ready === current)
  }

  @Test("nobody waits: no attempt is made for its own sake")
  func lazy() async {
    var state = ConnectionState()
    let now = NIODeadline.uptimeNanoseconds(0)
    _ = await self.wait(&state, now: now)
    _ = state.removeWaiter(1)
    #expect(
      Self.label(state.lost(self.connection(), self.error, attempt: state.attempt, now: now))
        == "failed")
    #expect(Self.label(state.backoffEnded()) == "none")
  }

  @Test("after shutdown every call fails, also when a connection comes up late")
  func shutDown() async {
    var state = ConnectionState()
    let now = NIODeadline.uptimeNanoseconds(0)
    _ = await self.wait(&state, now: now)
    _ = state.shutDown()
    #expect(Self.label(state.connected(self.connection(), attempt: state.attempt)) == "none")
    #expect(await self.wait(&state, waitForReady: true, now: now) == "failed")
    #expect(Self.label(state.backoffEnded()) == "none")
    #expect(!state.mayRetryAtOnce)
  }

  @Test("what is said twice of an attempt, or late, says nothing of the next one")
  func lateNews() async {
    var state = ConnectionState()
    let start = NIODeadline.uptimeNanoseconds(0)
    #expect(await self.wait(&state, now: start) == "connect")
    let first = state.attempt
    _ = state.removeWaiter(1)
    let lost = self.connection()
    _ = state.lost(lost, self.error, attempt: first, now: start)
    #expect(await self.wait(&state, now: start + .seconds(1)) == "connect")
    let again = state.lost(lost, self.error, attempt: first, now: start + .seconds(1))
    #expect(Self.label(again) == "none")
    #expect(Self.label(state.connected(lost, attempt: first)) == "none")
    #expect(state.ready == nil)
    let connection = self.connection()
    #expect(Self.label(state.connected(connection, attempt: state.attempt)) == "connected")
    #expect(state.ready === connection)
  }
}
