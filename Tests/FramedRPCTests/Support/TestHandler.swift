import Contracts
import FramedRPC
import NIOCore
import Synchronization

/// Answers the test service, and can be told to wait: a call with a delay waits, whatever the
/// delay, until it is released or cancelled. No time passes in these tests.
final class TestHandler: FramedrpcV1.TestServiceHandler {
  struct State {
    /// Calls that were begun, by `number`.
    var started: Set<Int64> = []
    var cancelled: Set<Int64> = []
    var finished: Set<Int64> = []
    var contexts: [RPCContext] = []
    /// Calls of Reflect.
    var reflected = 0
    fileprivate var released: Set<Int64> = []
    fileprivate var held: [Int64: CheckedContinuation<Void, any Error>] = [:]
    fileprivate var watchers:
      [(isTrue: @Sendable (State) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  struct Secret: Error {
    let text = "the password of the database"
  }

  /// Passed as `fail_with` to make the handler throw what is no ``RPCError``.
  static let unknownError: Int32 = 100
  /// Passed as `fail_with` to make the handler throw CancellationError.
  static let cancellation: Int32 = 101

  private let state = Mutex(State())
  /// A handler that is deaf does not notice that its call was cancelled.
  private let isDeaf: Bool

  init(isDeaf: Bool = false) {
    self.isDeaf = isDeaf
  }

  func echo(
    _ request: FramedrpcV1.EchoRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.EchoResponse {
    let number = request.number
    self.change {
      $0.started.insert(number)
      $0.contexts.append(context)
    }
    if request.delayMs > 0 {
      try await self.hold(number)
    }
    try self.fail(request)
    self.change { $0.finished.insert(number) }
    return FramedrpcV1.EchoResponse(
      text: request.text, number: number,
      remainingMs: context.deadline.map { ($0 - .now()).nanoseconds / 1_000_000 } ?? -1,
      requestID: context.requestID ?? "")
  }

  /// Gives everything back; `small` above 0 asks for that many bytes in `raw`.
  func reflect(
    _ request: FramedrpcV1.ReflectRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ReflectResponse {
    self.change { $0.reflected += 1 }
    var everything = request.everything
    if let size = everything?.small, size > 0 {
      everything?.raw = [UInt8](repeating: 7, count: Int(size))
    }
    return FramedrpcV1.ReflectResponse(everything: everything)
  }

  private func fail(_ request: FramedrpcV1.EchoRequest) throws {
    switch request.failWith {
    case 0: return
    case Self.unknownError: throw Secret()
    case Self.cancellation: throw CancellationError()
    default:
      var metadata = RPCMetadata()
      try metadata.append("detail", "one")
      try metadata.append("detail", "two")
      throw RPCError(
        RPCStatus(rawValue: UInt8(request.failWith)) ?? .unknown, request.text,
        reason: "asked-for", metadata: metadata)
    }
  }

  // MARK: what a test does and sees

  var snapshot: State { self.state.withLock { $0 } }

  /// Lets the call go on, now or when it comes.
  func release(_ number: Int64) {
    let held = self.state.withLock { state in
      state.released.insert(number)
      return state.held.removeValue(forKey: number)
    }
    held?.resume()
  }

  /// Returns when the handler has come that far.
  func wait(until isTrue: @escaping @Sendable (State) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isTrueNow = self.state.withLock { state in
        guard !isTrue(state) else { return true }
        state.watchers.append((isTrue, continuation))
        return false
      }
      if isTrueNow {
        continuation.resume()
      }
    }
  }

  private func hold(_ number: Int64) async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome = self.state.withLock { state -> Result<Void, any Error>? in
          if state.released.contains(number) { return .success(()) }
          if !self.isDeaf, state.cancelled.contains(number) { return .failure(CancellationError()) }
          state.held[number] = continuation
          return nil
        }
        if let outcome {
          continuation.resume(with: outcome)
        }
      }
    } onCancel: {
      self.change { $0.cancelled.insert(number) }
      if !self.isDeaf {
        self.state.withLock { $0.held.removeValue(forKey: number) }?
          .resume(throwing: CancellationError())
      }
    }
  }

  private func change(_ change: (inout State) -> Void) {
    let satisfied = self.state.withLock { state in
      change(&state)
      let current = state
      let satisfied = state.watchers.filter { $0.isTrue(current) }.map(\.1)
      state.watchers.removeAll { $0.isTrue(current) }
      return satisfied
    }
    for watcher in satisfied {
      watcher.resume()
    }
  }
}
