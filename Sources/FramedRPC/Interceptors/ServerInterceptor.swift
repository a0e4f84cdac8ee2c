import NIOCore

/// Something that stands around every call that a server answers: a log, a check of who calls.
///
/// It wraps the whole call, of whatever kind, from its arrival until its handler is done. It may
/// change the call's context before it hands the call on, refuse the call by throwing instead of
/// handing it on, and see or replace the error that comes back. It cannot answer in the handler's
/// place: an answer is only had by calling `next`.
///
/// The first of several is the outermost: it sees the call first and the outcome last. It runs
/// where the handler runs (``HandlerExecution``), and what holds for handlers holds for it.
public protocol ServerInterceptor: Sendable {
  /// - Parameters:
  ///   - call: as the interceptors before this one left it.
  ///   - next: the rest: the interceptors behind this one and the handler. Returns or throws when
  ///     the call is over. May be called in a child task, so that it can be cancelled.
  /// - Throws: what the caller gets: ``RPCService/add(_:handler:)`` says how.
  func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer
}

/// A call that a server answers, as its interceptors see it.
public struct ServerCall: Sendable {
  /// What the handler will be given; it becomes ``RPCContext/current`` for it, so that the calls
  /// it makes inherit a changed deadline or request id. A changed deadline is not enforced by the
  /// runtime: ``ServerDeadline`` does that.
  public var context: RPCContext
  public let kind: RPCKind
  /// What has come and gone so far.
  public let traffic: CallTraffic

  /// `sugang.pay.v1.PayService/Approve`
  public var method: String { self.context.method }

  init(_ kind: RPCKind, _ context: RPCContext) {
    self.context = context
    self.kind = kind
    self.traffic = CallTraffic()
  }
}

/// The end of a call that was answered; only the runtime makes one.
public struct CallAnswer: Sendable {
  /// The only message of the answer; nil when there are any number, which went their own way.
  let message: ByteBuffer?
}

extension RPCService {
  /// The same methods, each behind `interceptors`, the first outermost; behind none they are the
  /// very same. Of two calls of this, the later one's are the outer ones.
  public func intercepted(by interceptors: [any ServerInterceptor]) -> RPCService {
    guard !interceptors.isEmpty else { return self }
    let chain = ServerChain(interceptors: interceptors)
    var intercepted = self.withoutMethods
    for method in self.methods {
      intercepted.append(method.with(chain.around(method)))
    }
    return intercepted
  }
}

/// Interceptors in their order, around a handler.
private struct ServerChain: Sendable {
  let interceptors: [any ServerInterceptor]

  func around(_ method: RPCService.Method) -> RPCService.Handler {
    switch method.handler {
    case .unary(let handler):
      return .unary { unary in
        let call = ServerCall(method.kind, unary.context)
        call.traffic.countReceived(unary.bytes.readableBytes)
        let answer = try await self.run(call) { call in
          try await handler(RPCUnaryCall(unary.bytes, call.context, unary.limits))
        }
        // There is one: every unary handler gives it.
        return answer.message ?? ByteBuffer()
      }
    case .streaming(let handler):
      return .streaming { stream, context, limits in
        let call = ServerCall(method.kind, context)
        call.traffic.follow(stream.messages)
        return try await self.run(call) { call in
          try await handler(stream, call.context, limits)
        }.message
      }
    }
  }

  private func run(
    _ call: ServerCall, _ handler: @escaping @Sendable (ServerCall) async throws -> ByteBuffer?
  ) async throws -> CallAnswer {
    try await self.run(call, from: 0) { call in
      let message = try await RPCContext.$current.withValue(call.context) {
        try await handler(call)
      }
      if let message { call.traffic.countSent(message.readableBytes) }
      return CallAnswer(message: message)
    }
  }

  private func run(
    _ call: ServerCall, from index: Int,
    _ handler: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard index < self.interceptors.count else { return try await handler(call) }
    return try await self.interceptors[index].intercept(call) { call in
      try await self.run(call, from: index + 1, handler)
    }
  }
}
