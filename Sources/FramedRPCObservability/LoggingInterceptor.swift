public import FramedRPC
public import Logging
import W3CTrace

/// Writes a line for each call when it is over: `rpc.method`, `rpc.status`, `duration`,
/// `request.id`, and `trace.id` and `rpc.peer` where they are known; for streams also
/// `rpc.messages.sent` and `rpc.messages.received`.
///
/// Nothing that a message or an error says: a log is read by others than those it was meant for.
public struct LoggingInterceptor: ServerInterceptor, ClientInterceptor {
  private let logger: Logger
  private let peer: String?
  private let level: @Sendable (RPCStatus) -> Logger.Level

  /// - Parameters:
  ///   - peer: the other side's name, where it is always the same one.
  ///   - level: how loud a call of this outcome is.
  public init(
    _ logger: Logger, peer: String? = nil,
    level: @escaping @Sendable (RPCStatus) -> Logger.Level = LoggingInterceptor.level
  ) {
    self.logger = logger
    self.peer = peer
    self.level = level
  }

  /// Error for what is broken, notice for what is out of reach or overloaded, info for what the
  /// caller did wrong, debug for all else.
  public static func level(_ status: RPCStatus) -> Logger.Level {
    switch status {
    case .ok, .cancelled: .debug
    case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .failedPrecondition,
      .aborted, .outOfRange, .unimplemented, .unauthenticated:
      .info
    case .deadlineExceeded, .resourceExhausted, .unavailable: .notice
    case .unknown, .internal, .dataLoss: .error
    }
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let start = ContinuousClock.now
    func log(_ status: RPCStatus) {
      self.log(
        "call answered", call.method, status, call.context.requestID, since: start,
        call.kind == .unary ? nil : call.traffic)
    }
    do {
      let answer = try await next(call)
      log(.ok)
      return answer
    } catch {
      log(RPCStatus(of: error, deadline: call.context.deadline))
      throw error
    }
  }

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let start = ContinuousClock.now
    func log(_ status: RPCStatus) {
      self.log(
        "call made", call.method, status, call.requestID, since: start,
        call.kind == .unary ? nil : call.traffic)
    }
    do {
      let answer = try await next(call)
      log(.ok)
      return answer
    } catch {
      log(RPCStatus(of: error))
      throw error
    }
  }

  private func log(
    _ what: Logger.Message, _ method: String, _ status: RPCStatus, _ requestID: String?,
    since start: ContinuousClock.Instant, _ stream: CallTraffic?
  ) {
    let level = self.level(status)
    guard self.logger.logLevel <= level else { return }
    var metadata: Logger.Metadata = [
      "rpc.method": "\(method)", "rpc.status": "\(status)",
      "request.id": "\(requestID ?? "")", "duration": "\(ContinuousClock.now - start)",
    ]
    if let trace = TraceContext.current {
      metadata["trace.id"] = "\(trace.traceID)"
    }
    if let peer = self.peer {
      metadata["rpc.peer"] = "\(peer)"
    }
    if let stream {
      metadata["rpc.messages.sent"] = "\(stream.sent.messages)"
      metadata["rpc.messages.received"] = "\(stream.received.messages)"
    }
    self.logger.log(level: level, what, metadata: metadata)
  }
}
