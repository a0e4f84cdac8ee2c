import FramedRPC
import FramedRPCObservability
import InMemoryTracing
import Instrumentation
import NIOCore
import Synchronization
import Testing
import Tracing
import W3CTrace

@Suite("Traces through calls", .timeLimit(.minutes(1)))
struct TracingInterceptorTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00-\(trace)-00f067aa0ba902b7-01"

  /// Keeps the traces that a handler finds itself in.
  private final class Seen: Sendable {
    private let traces = Mutex<[TraceContext?]>([])

    var all: [TraceContext?] { self.traces.withLock { $0 } }

    func note() {
      self.traces.withLock { $0.append(TraceContext.current) }
    }
  }

  /// Keeps the metadata of what is sent.
  private final class Wiretap: ClientInterceptor {
    private let seen = Mutex<[RPCMetadata]>([])

    var metadata: [RPCMetadata] { self.seen.withLock { $0 } }

    func intercept(
      _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
    ) async throws -> CallAnswer {
      self.seen.withLock { $0.append(call.options.metadata) }
      return try await next(call)
    }
  }

  // MARK: without a tracer

  @Test("a trace goes through a chain of services by itself, each hop with a span of its own")
  func passThrough() async throws {
    let front = Seen()
    let back = Seen()
    try await Toy(see: back.note).serving([TracingInterceptor()]) { backClient in
      let next = backClient.intercepted(by: [TracingInterceptor()])
      try await Toy(next: next, see: front.note).serving([TracingInterceptor()]) { client in
        try await Toy.call(
          client, metadata: [("traceparent", Self.parent), ("tracestate", "vendor=1")])
      }
    }
    let hops = [front.all, back.all].flatMap(\.self)
    #expect(hops.map { $0.map { "\($0.traceID)" } } == [Self.trace, Self.trace])
    #expect(hops.map { $0?.state } == ["vendor=1", "vendor=1"])
    #expect(hops.allSatisfy { $0?.isSampled == true })
    #expect(Set(hops.map { $0?.spanID }).count == 2)
    #expect(!hops.contains { $0?.spanID == 0x00f0_67aa_0ba9_02b7 })
  }

  @Test("a call without a trace begins one, unless it must not")
  func root() async throws {
    let seen = Seen()
    try await Toy(see: seen.note).serving([TracingInterceptor()]) { client in
      try await Toy.call(client)
      try await Toy.call(client, metadata: [("traceparent", "00-nonsense")])
    }
    #expect(Set(seen.all.map { $0?.traceID }).count == 2)
    #expect(seen.all.allSatisfy { $0?.isSampled == false })

    let none = Seen()
    let tap = Wiretap()
    try await Toy(see: none.note).serving([TracingInterceptor(beginsTraces: false)]) { client in
      try await TraceContext.$current.withValue(.root()) { try await Toy.call(client) }
      try await Toy.call(
        client.intercepted(by: [TracingInterceptor(beginsTraces: false), tap]))
    }
    #expect(none.all == [nil, nil], "the caller's own task is another one's")
    #expect(tap.metadata.map(\.isEmpty) == [true])
  }

  @Test("a client continues the task's trace, else that of the options, else it begins one")
  func client() async throws {
    let tap = Wiretap()
    try await Toy().serving([]) { client in
      let channel = client.intercepted(by: [TracingInterceptor(), tap])
      let current = try #require(TraceContext(parents: [Self.parent], states: ["a=1"]))
      try await TraceContext.$current.withValue(current) {
        try await Toy.call(channel, metadata: [("tracestate", "old=1")])
      }
      try await Toy.call(channel, metadata: [("traceparent", Self.parent)])
      try await Toy.call(channel)
    }
    let sent = try tap.metadata.map { try #require(TraceContext($0)) }
    #expect(sent.prefix(2).allSatisfy { "\($0.traceID)" == Self.trace })
    #expect(sent.map(\.state) == ["a=1", "", ""])
    #expect("\(sent[2].traceID)" != Self.trace)
    #expect(!sent.contains { $0.spanID == 0x00f0_67aa_0ba9_02b7 })
  }

  // MARK: with a tracer

  @Test("each side has a span with the names of OpenTelemetry, the server's below the client's")
  func spans() async throws {
    let tracer = InMemoryTracer()
    let traced = TracerInterceptor(tracer: tracer)
    try await Toy().serving([traced, TracingInterceptor()]) { client in
      let channel = client.intercepted(by: [traced, TracingInterceptor()])
      try await Toy.call(channel)
      await #expect(throws: RPCError.self) { try await Toy.call(channel, failWith: .notFound) }
      await #expect(throws: RPCError.self) { try await Toy.call(channel, failWith: .internal) }
    }
    let spans = tracer.finishedSpans
    #expect(spans.map(\.operationName) == Array(repeating: Toy.echo, count: 6))
    #expect(spans.map(\.kind) == [.server, .client, .server, .client, .server, .client])
    #expect(
      spans.map { $0.attributes.text("rpc.status_code") } == [
        "OK", "OK", "NOT_FOUND", "NOT_FOUND", "INTERNAL", "INTERNAL",
      ])
    #expect(
      spans.map { $0.attributes.text("error.type") } == [
        nil, nil, nil, "NOT_FOUND", "INTERNAL", "INTERNAL",
      ])
    #expect(
      spans.map { $0.status?.code == .error } == [false, false, false, true, true, true])
    #expect(spans.allSatisfy { $0.attributes.text("rpc.system.name") == "framedrpc" })
    #expect(spans.allSatisfy { $0.attributes.text("rpc.method") == Toy.echo })
    for (server, client) in [(spans[0], spans[1]), (spans[2], spans[3]), (spans[4], spans[5])] {
      #expect(server.traceID == client.traceID)
      #expect(server.parentSpanID == client.spanID)
    }
    #expect(tracer.activeSpans.isEmpty)
  }

  @Test("a handler's own calls are below its span, and traceparent goes along")
  func nested() async throws {
    let tracer = InMemoryTracer()
    let traced = TracerInterceptor(tracer: tracer)
    let seen = Seen()
    try await Toy(see: seen.note).serving([traced, TracingInterceptor()]) { backClient in
      let next = backClient.intercepted(by: [traced, TracingInterceptor()])
      try await Toy(next: next).serving([traced, TracingInterceptor()]) { client in
        try await Toy.call(client, metadata: [("traceparent", Self.parent)])
      }
    }
    let spans = tracer.finishedSpans
    #expect(spans.map(\.kind) == [.server, .client, .server])
    #expect(Set(spans.map(\.traceID)).count == 1)
    #expect(spans[0].parentSpanID == spans[1].spanID)
    #expect(spans[1].parentSpanID == spans[2].spanID)
    #expect(seen.all.map { $0.map { "\($0.traceID)" } } == [Self.trace])
  }

  @Test("a tracer that speaks W3C itself has the word: its span is the next one's parent")
  func w3cTracer() async throws {
    let tracer = W3CTracer()
    let traced = TracerInterceptor(tracer: tracer)
    let seen = Seen()
    let tap = Wiretap()
    try await Toy(see: seen.note).serving([traced, TracingInterceptor()]) { client in
      try await Toy.call(client.intercepted(by: [traced, TracingInterceptor(), tap]))
    }
    #expect(tap.metadata.map { $0["traceparent"] } == [W3CTracer.parent])
    #expect(seen.all.map { $0?.parent } == [W3CTracer.parent])
  }
}

/// Gives the interceptors behind it a tracer, as a bootstrapped process has one.
private struct TracerInterceptor: ServerInterceptor, ClientInterceptor {
  let tracer: any Tracer

  func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await withTracer(self.tracer) { try await next(call) }
  }

  func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await withTracer(self.tracer) { try await next(call) }
  }
}

/// Writes the same `traceparent` for every span.
private struct W3CTracer: Tracer {
  static let parent = "00-11111111111111112222222222222222-3333333333333333-01"

  func startSpan<Instant: TracerInstant>(
    _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
    at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
  ) -> NoOpTracer.NoOpSpan {
    NoOpTracer().startSpan(
      operationName, context: context(), ofKind: kind, at: instant(), function: function,
      file: fileID, line: line)
  }

  func forceFlush() {}

  func extract<Carrier, Extract: Extractor>(
    _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
  ) where Extract.Carrier == Carrier {}

  func inject<Carrier, Inject: Injector>(
    _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
  ) where Inject.Carrier == Carrier {
    injector.inject(Self.parent, forKey: "Traceparent", into: &carrier)
  }
}

extension SpanAttributes {
  fileprivate func text(_ key: String) -> String? {
    guard case .string(let text)? = self.get(key) else { return nil }
    return text
  }
}
