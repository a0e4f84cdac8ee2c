public import CoreMetrics
public import FramedRPC
import Synchronization

/// Counts and times calls under the names of OpenTelemetry's semantic conventions 1.45.
///
/// For `rpc.server` and `rpc.client`: `….call.duration` in seconds, by status; `….request.size` and
/// `….response.size` in bytes, all messages of a call together; `….active_calls`. Attributes:
/// `rpc.system.name`, `rpc.method`, and of durations `rpc.status_code` and, when it failed,
/// `error.type`.
public final class MetricsInterceptor: ServerInterceptor, ClientInterceptor {
  /// Most methods that are told apart; the others count as `_OTHER`.
  static let maxMethods = 1024
  static let otherMethod = "_OTHER"

  private let server: CallMetrics
  private let client: CallMetrics

  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.server = CallMetrics(prefix: "rpc.server", factory: factory)
    self.client = CallMetrics(prefix: "rpc.client", factory: factory)
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let traffic = call.traffic
    return try await self.server.method(call.method).measure(
      request: { traffic.received.bytes }, response: { traffic.sent.bytes },
      status: { RPCStatus(of: $0, deadline: call.context.deadline) }, isError: \.isServerError,
      call: { try await next(call) })
  }

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let traffic = call.traffic
    return try await self.client.method(call.method).measure(
      request: { traffic.sent.bytes }, response: { traffic.received.bytes },
      status: { RPCStatus(of: $0) }, isError: \.isClientError,
      call: { try await next(call) })
  }
}

extension RPCStatus {
  /// Everything but OK.
  var isClientError: Bool { self != .ok }

  /// What speaks against the server rather than its caller, as OpenTelemetry sorts gRPC's codes.
  var isServerError: Bool {
    switch self {
    case .unknown, .deadlineExceeded, .unimplemented, .internal, .unavailable, .dataLoss: true
    default: false
    }
  }
}

/// The metrics of one side, made when a method is first called.
private final class CallMetrics: Sendable {
  private let prefix: String
  private let factory: any MetricsFactory
  private let methods = Mutex<[String: MethodMetrics]>([:])

  init(prefix: String, factory: any MetricsFactory) {
    self.prefix = prefix
    self.factory = factory
  }

  func method(_ name: String) -> MethodMetrics {
    self.methods.withLock { methods in
      if let known = methods[name] { return known }
      let isOther = methods.count >= MetricsInterceptor.maxMethods
      let name = isOther ? MetricsInterceptor.otherMethod : name
      if isOther, let other = methods[name] { return other }
      let metrics = MethodMetrics(name, prefix: self.prefix, factory: self.factory)
      methods[name] = metrics
      return metrics
    }
  }
}

private final class MethodMetrics: Sendable {
  let active: Meter
  let requestSize: Recorder
  let responseSize: Recorder
  private let prefix: String
  private let dimensions: [(String, String)]
  private let factory: any MetricsFactory
  private let durations = Mutex<[RPCStatus: Recorder]>([:])

  init(_ method: String, prefix: String, factory: any MetricsFactory) {
    self.prefix = prefix
    self.factory = factory
    self.dimensions = [("rpc.system.name", "framedrpc"), ("rpc.method", method)]
    self.active = Meter(
      label: "\(prefix).active_calls", dimensions: self.dimensions, factory: factory)
    self.requestSize = Recorder(
      label: "\(prefix).request.size", dimensions: self.dimensions, aggregate: true,
      factory: factory)
    self.responseSize = Recorder(
      label: "\(prefix).response.size", dimensions: self.dimensions, aggregate: true,
      factory: factory)
  }

  /// Counts and times one call.
  ///
  /// - Parameters:
  ///   - request: bytes of the request, once the call is over.
  ///   - isError: whether a status counts as a failure on this side.
  func measure(
    request: () -> Int, response: () -> Int, status: (any Error) -> RPCStatus,
    isError: (RPCStatus) -> Bool, call: () async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let start = ContinuousClock.now
    self.active.increment()
    defer {
      self.active.decrement()
      self.requestSize.record(request())
      self.responseSize.record(response())
    }
    do {
      let answer = try await call()
      self.duration(.ok, isError: false).record(since: start)
      return answer
    } catch {
      let status = status(error)
      self.duration(status, isError: isError(status)).record(since: start)
      throw error
    }
  }

  private func duration(_ status: RPCStatus, isError: Bool) -> Recorder {
    self.durations.withLock { durations in
      if let known = durations[status] { return known }
      var dimensions = self.dimensions + [("rpc.status_code", status.name)]
      if isError {
        dimensions.append(("error.type", status.name))
      }
      let recorder = Recorder(
        label: "\(self.prefix).call.duration", dimensions: dimensions, aggregate: true,
        factory: self.factory)
      durations[status] = recorder
      return recorder
    }
  }
}

extension Recorder {
  /// In seconds.
  fileprivate func record(since start: ContinuousClock.Instant) {
    self.record((ContinuousClock.now - start) / .seconds(1))
  }
}
