public import NIOCore

/// Gives calls without a timeout one, and shortens those that would wait for longer. Streams may
/// last as long as they are told to.
public struct ClientDeadline: ClientInterceptor {
  private let standard: Duration?
  private let longest: Duration?

  /// - Parameters:
  ///   - standard: for calls whose timeout is nil; nil leaves them as they are.
  ///   - longest: the most that a call may wait; nil is no limit.
  public init(standard: Duration?, longest: Duration? = nil) {
    self.standard = standard
    self.longest = longest
  }

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard call.kind == .unary else { return try await next(call) }
    var call = call
    let timeout = call.options.timeout ?? self.standard
    call.options.timeout = [timeout, self.longest].compactMap(\.self).min()
    return try await next(call)
  }
}

/// Ends calls that come without a deadline, or with a very late one, in the server's own time.
///
/// A deadline that it shortens is enforced here: the handler's task is cancelled, and the caller
/// gets DEADLINE_EXCEEDED with the reason `server-time-limit` once the handler has heeded that.
/// Calls whose own deadline is early enough, nearly all, cost nothing more. Streams may last as long
/// as their callers like; only the margin holds for them as well.
public struct ServerDeadline: ServerInterceptor {
  private let standard: Duration?
  private let longest: Duration?
  private let hopMargin: Duration
  private let now: @Sendable () -> NIODeadline
  private let sleep: @Sendable (Duration) async throws -> Void

  /// - Parameters:
  ///   - standard: for calls without a deadline; nil leaves them without, unless `longest` is set.
  ///   - longest: the most that any call may take; nil is no limit.
  ///   - hopMargin: how much earlier than its caller a handler stops waiting for others: what it
  ///     needs to say why, before its caller gives up as well.
  ///   - now: the clock, so that a test can move it.
  ///   - sleep: waits; for tests.
  public init(
    standard: Duration?, longest: Duration? = nil, hopMargin: Duration = .zero,
    now: @escaping @Sendable () -> NIODeadline = { NIODeadline.now() },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.standard = standard
    self.longest = longest
    self.hopMargin = hopMargin
    self.now = now
    self.sleep = sleep
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let own = call.context.deadline
    let limits = call.kind == .unary ? [own == nil ? self.standard : nil, self.longest] : []
    let limit = limits.compactMap(\.self).min()
    let now = self.now()
    let ours = limit.map { now + TimeAmount($0) }
    guard let deadline = [own, ours].compactMap(\.self).min() else { return try await next(call) }
    var hurried = call
    hurried.context.deadline = deadline - TimeAmount(self.hopMargin)
    // The runtime enforces the caller's own.
    if own == deadline { return try await next(hurried) }
    return try await self.run(
      hurried, within: .nanoseconds((deadline - now).nanoseconds), next)
  }

  private enum Outcome {
    case answer(CallAnswer)
    case timeIsUp
    case timerWasCancelled
  }

  private func run(
    _ call: ServerCall, within time: Duration,
    _ next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let sleep = self.sleep
    return try await withThrowingTaskGroup(of: Outcome.self) { group in
      group.addTask { .answer(try await next(call)) }
      group.addTask {
        guard (try? await sleep(time)) != nil else { return .timerWasCancelled }
        return .timeIsUp
      }
      while let outcome = try await group.next() {
        switch outcome {
        case .answer(let answer):
          group.cancelAll()
          return answer
        case .timeIsUp:
          // The group cancels the handler and waits for it.
          throw RPCError(
            .deadlineExceeded, "the call took longer than this server lets one take",
            reason: "server-time-limit")
        case .timerWasCancelled: continue
        }
      }
      throw CancellationError()
    }
  }
}
