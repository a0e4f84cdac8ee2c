import FramedRPC
import NIOCore
import Synchronization

/// Endpoints `server-1:1`, `server-2:2`, … whose answers a test makes up, and a client of them.
final class ScriptedEndpoints: Sendable {
  /// What an endpoint does with a call.
  enum Answer: Sendable {
    case ok
    case error(RPCError)
    /// Waits for ``ScriptedEndpoints/release(_:)``, or until the call is cancelled.
    case hold
  }

  struct Call: Sendable {
    /// 1, 2, …
    let endpoint: Int
    let method: String
    let options: CallOptions
  }

  private struct State {
    var answers: @Sendable (_ call: Call, _ number: Int) -> Answer = { _, _ in .ok }
    var calls: [Call] = []
    var cancelled: [Int] = []
    var shutDown: Set<Int> = []
    var held: [Int: (endpoint: Int, continuation: CheckedContinuation<Void, any Error>)] = [:]
    /// The endpoints whose next held call goes on at once.
    var released: [Int] = []
    var watching: [Int: [CheckedContinuation<Void, any Error>]] = [:]
    var watchers: [(isTrue: @Sendable (Seen) -> Bool, CheckedContinuation<Void, Never>)] = []

    var seen: Seen {
      Seen(
        calls: self.calls, cancelled: self.cancelled, shutDown: self.shutDown,
        watched: Set(self.watching.keys))
    }
  }

  /// What has happened so far.
  struct Seen: Sendable {
    let calls: [Call]
    /// The endpoints whose calls were cancelled.
    let cancelled: [Int]
    let shutDown: Set<Int>
    /// The endpoints that somebody waits for.
    let watched: Set<Int>

    var endpoints: [Int] { self.calls.map(\.endpoint) }
  }

  private let state = Mutex(State())
  let time = ManualClock()

  static func address(_ number: Int) -> RPCAddress { .tcp(host: "server-\(number)", port: number) }

  static let unreachable = RPCError(.unavailable, "cannot connect", notProcessed: true)
  static let lost = RPCError(.unavailable, "the connection was lost")

  func client(
    of count: Int = 3, policy: ClientPolicy = ClientPolicy(balancing: .pickFirst),
    resolver: (any RPCResolver)? = nil
  ) -> BalancedClient {
    BalancedClient(
      resolver: resolver ?? StaticResolver((1...count).map(Self.address)), name: "test",
      policy: policy, decodeLimits: .standard, clock: self.time.clock, random: SeededRandom(7)
    ) { address in
      guard case .tcp(_, let port) = address else { fatalError("no endpoint of this test") }
      return Channel(number: port, endpoints: self)
    }
  }

  /// - Parameter answers: asked with each call and its number, from 0.
  func answer(_ answers: @escaping @Sendable (_ call: Call, _ number: Int) -> Answer) {
    self.state.withLock { $0.answers = answers }
  }

  var seen: Seen { self.state.withLock { $0.seen } }

  func wait(until isTrue: @escaping @Sendable (Seen) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isTrueNow = self.state.withLock { state in
        guard !isTrue(state.seen) else { return true }
        state.watchers.append((isTrue, continuation))
        return false
      }
      if isTrueNow { continuation.resume() }
    }
  }

  /// Lets the oldest held call of an endpoint go on, or the next when there is none yet.
  func release(_ endpoint: Int) {
    let held = self.state.withLock {
      state -> (endpoint: Int, continuation: CheckedContinuation<Void, any Error>)? in
      guard let first = state.held.filter({ $0.value.endpoint == endpoint }).keys.min() else {
        state.released.append(endpoint)
        return nil
      }
      return state.held.removeValue(forKey: first)
    }
    held?.continuation.resume()
  }

  /// The endpoint can be reached again.
  func isBack(_ endpoint: Int) {
    let waiting = self.state.withLock { $0.watching.removeValue(forKey: endpoint) } ?? []
    for waiter in waiting { waiter.resume() }
  }

  private func change<Answer>(_ change: (inout State) -> Answer) -> Answer {
    let (answer, satisfied) = self.state.withLock { state in
      let answer = change(&state)
      let seen = state.seen
      let satisfied = state.watchers.filter { $0.isTrue(seen) }.map(\.1)
      state.watchers.removeAll { $0.isTrue(seen) }
      return (answer, satisfied)
    }
    for watcher in satisfied { watcher.resume() }
    return answer
  }

  private struct Channel: EndpointChannel {
    let number: Int
    let endpoints: ScriptedEndpoints

    func call(_ call: RPCCall) async throws -> ByteBuffer {
      let entry = Call(endpoint: self.number, method: call.method, options: call.options)
      let (number, answer) = self.endpoints.change { state in
        state.calls.append(entry)
        let number = state.calls.count - 1
        return (number, state.answers(entry, number))
      }
      switch answer {
      case .ok: break
      case .error(let error): throw error
      case .hold: try await self.hold(number)
      }
      return ByteBuffer(integer: UInt8(self.number))
    }

    func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
      throw RPCError(.unimplemented, "streams are tested with real servers", notProcessed: true)
    }

    /// Ends as a call does that is cancelled: with an error of the runtime.
    private func hold(_ call: Int) async throws {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let outcome = self.endpoints.change { state -> Result<Void, any Error>? in
            if Task.isCancelled { return .failure(Self.cancelled) }
            if let index = state.released.firstIndex(of: self.number) {
              state.released.remove(at: index)
              return .success(())
            }
            state.held[call] = (self.number, continuation)
            return nil
          }
          if let outcome { continuation.resume(with: outcome) }
        }
      } onCancel: {
        let held = self.endpoints.change { state in
          state.cancelled.append(self.number)
          return state.held.removeValue(forKey: call)
        }
        held?.continuation.resume(throwing: Self.cancelled)
      }
    }

    private static let cancelled = RPCError(.cancelled, "the caller cancelled the call")

    func becomeReady() async throws {
      try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let isCancelled = self.endpoints.change { state in
            if Task.isCancelled { return true }
            state.watching[self.number, default: []].append(continuation)
            return false
          }
          if isCancelled { continuation.resume(throwing: CancellationError()) }
        }
      } onCancel: {
        let waiting = self.endpoints.change { $0.watching.removeValue(forKey: self.number) } ?? []
        for waiter in waiting { waiter.resume(throwing: CancellationError()) }
      }
    }

    func shutdown() {
      self.endpoints.change { _ = $0.shutDown.insert(self.number) }
    }
  }
}

extension BalancedClient {
  /// Calls `test.Service/NAME` and returns the number of the endpoint that answered.
  func ask(
    _ name: String = "Read", timeout: Duration? = nil, waitForReady: Bool = false
  ) async throws -> Int {
    let answer = try await self.call(
      RPCCall(
        method: "test.Service/\(name)", request: ByteBuffer(),
        options: CallOptions(timeout: timeout, waitForReady: waitForReady)))
    return answer.getInteger(at: answer.readerIndex, as: UInt8.self).map(Int.init) ?? 0
  }
}
