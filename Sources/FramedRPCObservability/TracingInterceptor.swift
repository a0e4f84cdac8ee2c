public import FramedRPC
import Instrumentation
import Tracing
import W3CTrace

/// Carries a trace through calls: W3C `traceparent` and `tracestate` in the metadata, and a span for
/// each call when the process has a tracer.
///
/// A server continues the trace of the call, or begins one, and makes it ``TraceContext/current``
/// and the current `ServiceContext` of its handler; a client continues the current one. Without a
/// tracer each hop has a span id of its own that nobody records. With one, its own propagation goes
/// first; `traceparent` is added where it writes none.
///
/// Spans have the method's whole name, and `rpc.system.name`, `rpc.method`, `rpc.status_code` and on
/// failure `error.type` (OpenTelemetry 1.45).
public struct TracingInterceptor: ServerInterceptor, ClientInterceptor {
  private let beginsTraces: Bool

  /// - Parameter beginsTraces: whether a call that belongs to no trace begins one; otherwise it
  ///   goes on without.
  public init(beginsTraces: Bool = true) {
    self.beginsTraces = beginsTraces
  }

  // MARK: server

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let own =
      TraceContext(call.context.metadata)?.child() ?? (self.beginsTraces ? .root() : nil)
    let tracer = InstrumentationSystem.tracer
    guard !(tracer is NoOpTracer) else {
      return try await TraceContext.$current.withValue(own) { try await next(call) }
    }
    var context = ServiceContext.topLevel
    InstrumentationSystem.instrument.extract(
      call.context.metadata, into: &context, using: MetadataExtractor())
    let span = tracer.startSpan(call.method, context: context, ofKind: .server)
    defer { span.end() }
    let trace = TraceContext(of: span) ?? own
    return try await TraceContext.$current.withValue(trace) {
      try await span.follow(call.method, isError: \.isServerError) { try await next(call) }
    }
  }

  // MARK: client

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let current = TraceContext.current ?? TraceContext(call.options.metadata)
    let own = current?.child() ?? (self.beginsTraces ? .root() : nil)
    let tracer = InstrumentationSystem.tracer
    guard !(tracer is NoOpTracer) else { return try await next(call.carrying(own)) }
    let span = tracer.startSpan(call.method, ofKind: .client)
    defer { span.end() }
    var call = call.carrying(own)
    // Over ours, where the tracer speaks W3C.
    InstrumentationSystem.instrument.inject(
      span.context, into: &call.options.metadata, using: MetadataInjector())
    let carrying = call
    return try await span.follow(call.method, isError: \.isClientError) { try await next(carrying) }
  }
}

extension ClientCall {
  /// A call that has no room for a trace goes without.
  fileprivate func carrying(_ trace: TraceContext?) -> ClientCall {
    guard let trace else { return self }
    var call = self
    try? call.options.metadata.set(TraceContext.parentKey, trace.parent)
    call.options.metadata.removeAll(TraceContext.stateKey)
    if !trace.state.isEmpty {
      try? call.options.metadata.set(TraceContext.stateKey, trace.state)
    }
    return call
  }
}

extension Span {
  /// Makes this the current span of a call, and notes on it what becomes of the call. Not what an
  /// error says, which `withSpan` would: that is for the caller alone.
  fileprivate func follow(
    _ method: String, isError: @Sendable (RPCStatus) -> Bool,
    _ call: () async throws -> CallAnswer
  ) async throws -> CallAnswer {
    self.attributes["rpc.system.name"] = "framedrpc"
    self.attributes["rpc.method"] = method
    do {
      let answer = try await ServiceContext.$current.withValue(self.context) { try await call() }
      self.attributes["rpc.status_code"] = RPCStatus.ok.name
      return answer
    } catch {
      let status = RPCStatus(of: error)
      self.attributes["rpc.status_code"] = status.name
      if isError(status) {
        self.attributes["error.type"] = status.name
        self.setStatus(SpanStatus(code: .error))
      }
      throw error
    }
  }
}

extension TraceContext {
  /// The trace that the metadata of a call names; nil when it names none, or not properly.
  public init?(_ metadata: RPCMetadata) {
    let parents = metadata.values(of: TraceContext.parentKey)
    guard !parents.isEmpty else { return nil }
    self.init(
      parents: parents.map { String(decoding: $0, as: UTF8.self) },
      states: metadata.values(of: TraceContext.stateKey).map {
        String(decoding: $0, as: UTF8.self)
      })
  }

  /// What the process's tracer tells others of a span, when it speaks W3C.
  fileprivate init?(of span: any Span) {
    var metadata = RPCMetadata()
    InstrumentationSystem.instrument.inject(
      span.context, into: &metadata, using: MetadataInjector())
    self.init(metadata)
  }
}

private struct MetadataExtractor: Extractor {
  func extract(key: String, from metadata: RPCMetadata) -> String? { metadata[key.lowercased()] }
}

private struct MetadataInjector: Injector {
  func inject(_ value: String, forKey key: String, into metadata: inout RPCMetadata) {
    try? metadata.set(key.lowercased(), value)
  }
}
