import NIOCore

/// Something that stands around every call of a channel: a token, a log, a limit on the time.
///
/// It wraps the whole call, from before it is sent until its answer is there. It may change the
/// call's options before it hands the call on, refuse the call by throwing instead of handing it
/// on, hand it on again, and see or replace the error that comes back. It cannot make up an answer:
/// an answer is only had by calling `next`.
///
/// A stream is its caller's as soon as it is open. Its interceptors wait in a task of their own
/// until it is over and see how it ended; they can neither replace that error nor open it again.
///
/// The first of several is the outermost: it sees the call first and the outcome last.
public protocol ClientInterceptor: Sendable {
  /// - Parameters:
  ///   - call: as the interceptors before this one left it.
  ///   - next: the rest: the interceptors behind this one and the channel. Returns or throws when
  ///     the call is over.
  /// - Throws: what the caller gets; an error that is no ``RPCError`` reaches it as UNKNOWN, a
  ///   `CancellationError` as CANCELLED.
  func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer
}

/// A call on its way out, as a channel's interceptors see it.
public struct ClientCall: Sendable {
  /// `sugang.pay.v1.PayService/Approve`
  public let method: String
  public let kind: RPCKind
  public var options: CallOptions
  /// What has gone and come so far; a call that is handed on again is counted again.
  public let traffic: CallTraffic

  /// The request id that will be sent: the call's own, or that of the call being answered.
  public var requestID: String? {
    self.options.metadata[RPCContext.requestIDKey] ?? RPCContext.current?.requestID
  }

  init(_ call: RPCCall, _ kind: RPCKind) {
    self.method = call.method
    self.kind = kind
    self.options = call.options
    self.traffic = CallTraffic()
  }
}

extension RPCChannel {
  /// This channel behind `interceptors`, the first outermost; behind none it is the very same. Of
  /// two calls of this, the later one's are the outer ones.
  public func intercepted(by interceptors: [any ClientInterceptor]) -> any RPCChannel {
    interceptors.isEmpty ? self : InterceptedChannel(channel: self, interceptors: interceptors)
  }
}

/// A channel whose calls go through interceptors.
private struct InterceptedChannel: RPCChannel {
  let channel: any RPCChannel
  let interceptors: [any ClientInterceptor]

  var decodeLimits: DecodeLimits { self.channel.decodeLimits }

  func call(_ call: RPCCall) async throws -> ByteBuffer {
    do {
      let answer = try await self.run(ClientCall(call, .unary), from: 0) { intercepted in
        var sent = call
        sent.options = intercepted.options
        intercepted.traffic.countSent(sent.request.readableBytes)
        let message = try await self.channel.call(sent)
        intercepted.traffic.countReceived(message.readableBytes)
        return CallAnswer(message: message)
      }
      // There is one: the channel gave it.
      return answer.message ?? ByteBuffer()
    } catch {
      throw RPCError(interceptor: error)
    }
  }

  /// The interceptors' task inherits what is local to the caller's.
  func open(_ call: RPCCall, kind: RPCKind) async throws -> RPCByteStream {
    let handover = StreamHandover()
    let task = Task {
      do {
        _ = try await self.run(ClientCall(call, kind), from: 0) { intercepted in
          var sent = call
          sent.options = intercepted.options
          let messages = try await self.open(sent, intercepted, handover)
          try await messages.end()
          return CallAnswer(message: nil)
        }
        handover.give(.failure(RPCError(.internal, "an interceptor did not open the stream")))
      } catch {
        handover.give(.failure(RPCError(interceptor: error)))
      }
    }
    return try await withTaskCancellationHandler {
      try await handover.take()
    } onCancel: {
      task.cancel()
    }
  }

  /// Opens the stream and gives it away: one that is dropped ends, so nobody else may keep it.
  private func open(
    _ call: RPCCall, _ intercepted: ClientCall, _ handover: StreamHandover
  ) async throws -> MessageStream {
    let stream = try await self.channel.open(call, kind: intercepted.kind)
    let messages = stream.messages
    intercepted.traffic.follow(messages)
    if !intercepted.kind.clientStreams, messages.sent.messages == 0 {
      // The request went with the opening frame.
      intercepted.traffic.countSent(call.request.readableBytes)
    }
    guard handover.give(.success(stream)) else {
      throw RPCError(.internal, "an interceptor opened a stream twice")
    }
    return messages
  }

  private func run(
    _ call: ClientCall, from index: Int,
    _ send: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard index < self.interceptors.count else { return try await send(call) }
    return try await self.interceptors[index].intercept(call) { call in
      try await self.run(call, from: index + 1, send)
    }
  }
}

extension RPCError {
  /// What came out of a chain of interceptors: a channel throws nothing but ``RPCError``.
  fileprivate init(interceptor error: any Error) {
    switch error {
    case let error as RPCError: self = error
    case is CancellationError: self.init(.cancelled, "the call was cancelled")
    default: self.init(.unknown, "an interceptor failed: \(error)")
    }
  }
}
