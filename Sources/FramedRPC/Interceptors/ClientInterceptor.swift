public import NIOCore

/// Something that stands around every call of a channel: a token, a log, a limit on the time.
///
/// It wraps the whole call, from before it is sent until its answer is there. It may change the
/// call's options before it hands the call on, refuse the call by throwing instead of handing it
/// on, hand it on again, and see or replace the error that comes back. It cannot make up an answer:
/// an answer is only had by calling `next`.
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
  public var options: CallOptions
  /// What has gone and come so far; a call that is handed on again is counted again.
  public let traffic: CallTraffic

  /// The request id that will be sent: the call's own, or that of the call being answered.
  public var requestID: String? {
    self.options.metadata[RPCContext.requestIDKey] ?? RPCContext.current?.requestID
  }

  init(method: String, options: CallOptions) {
    self.method = method
    self.options = options
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
      return try await self.run(ClientCall(method: call.method, options: call.options), from: 0) {
        var sent = call
        sent.options = $0.options
        $0.traffic.countSent(sent.request.readableBytes)
        let message = try await self.channel.call(sent)
        $0.traffic.countReceived(message.readableBytes)
        return CallAnswer(message: message)
      }.message
    } catch {
      throw RPCError(interceptor: error)
    }
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

extension RPCStatus {
  /// The status that an error of a handler or a channel stands for, as the caller will see it.
  ///
  /// - Parameter deadline: the call's, when a cancellation after it counts as its passing.
  public init(of error: any Error, deadline: NIODeadline? = nil) {
    let status =
      switch error {
      case let error as RPCError: error.status
      case is CancellationError: RPCStatus.cancelled
      default: RPCStatus.internal
      }
    switch status {
    case .ok: self = .internal
    case .cancelled where deadline.map { $0 <= .now() } ?? false: self = .deadlineExceeded
    default: self = status
    }
  }
}
