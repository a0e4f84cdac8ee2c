import Synchronization

/// Where the task that opens a stream gives it to the one that asked for it, once.
final class StreamHandover: Sendable {
  typealias Outcome = Result<RPCByteStream, RPCError>

  private enum State {
    case empty
    case awaited(CheckedContinuation<RPCByteStream, any Error>)
    case given(Outcome)
    case over
  }

  private let state = Mutex(State.empty)

  /// - Returns: false when something was given before.
  @discardableResult
  func give(_ outcome: Outcome) -> Bool {
    let (isFirst, waiter) = self.state.withLock {
      state -> (Bool, CheckedContinuation<RPCByteStream, any Error>?) in
      switch state {
      case .empty:
        state = .given(outcome)
        return (true, nil)
      case .awaited(let waiter):
        state = .over
        return (true, waiter)
      case .given, .over: return (false, nil)
      }
    }
    waiter?.resume(with: outcome.mapError { $0 as any Error })
    return isFirst
  }

  /// Only one may ask, and only once: nothing is kept here afterwards.
  func take() async throws -> RPCByteStream {
    try await withCheckedThrowingContinuation { continuation in
      let outcome = self.state.withLock { state -> Outcome? in
        guard case .given(let outcome) = state else {
          state = .awaited(continuation)
          return nil
        }
        state = .over
        return outcome
      }
      if let outcome { continuation.resume(with: outcome.mapError { $0 as any Error }) }
    }
  }
}

extension MessageStream {
  /// Returns when the call is over; a cancelled task gives the call up.
  ///
  /// - Throws: ``RPCError`` of a call that failed.
  func end() async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Void, any Error>) in
        self.whenOver { error in
          if let error {
            continuation.resume(throwing: error)
          } else {
            continuation.resume()
          }
        }
      }
    } onCancel: {
      self.connection.cancelled(self)
    }
  }
}
