import Contracts
import NIOCore
import Synchronization
import Testing

@testable import FramedRPC

@Suite("What a server says of its load", .timeLimit(.minutes(1)))
struct LoadReporterTests {
  private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
  private static let patient = CallOptions(timeout: nil)

  @Test("rates are those of the last whole interval, from the first call on")
  func rates() {
    var rate = CallRate(interval: .seconds(2))
    #expect(rate.rates(now: Self.start) == nil)
    let first = Self.start + .seconds(100)
    for number: Int64 in 0..<20 {
      rate.record(isError: number % 4 == 0, now: first + .milliseconds(100 * number))
    }
    #expect(rate.rates(now: first + .milliseconds(1_999)) == nil)
    #expect(rate.rates(now: first + .seconds(2)) == CallRate.Rates(requests: 10, errors: 2.5))
    rate.record(isError: false, now: first + .seconds(3))
    #expect(rate.rates(now: first + .milliseconds(3_999)) == .init(requests: 10, errors: 2.5))
    // Nobody has asked in the meantime: the interval was longer.
    #expect(rate.rates(now: first + .seconds(12)) == .init(requests: 0.1, errors: 0))
    #expect(rate.rates(now: first + .seconds(14)) == .init(requests: 0, errors: 0))
  }

  @Test("an interval of nothing counts nothing twice")
  func noInterval() {
    var rate = CallRate(interval: .zero)
    rate.record(isError: true, now: Self.start)
    #expect(rate.rates(now: Self.start) == nil)
    #expect(rate.rates(now: Self.start + .milliseconds(500)) == .init(requests: 2, errors: 2))
  }

  @Test("what the service says goes before what was measured, and that before what was counted")
  func precedence() {
    let now = Mutex(Self.start)
    let reporter = LoadReporter(
      now: { now.withLock { $0 } },
      measure: { LoadReport(cpuUtilization: 0.5, applicationUtilization: 0.1) })
    reporter.callEnded()
    #expect(reporter.current == LoadReport(cpuUtilization: 0.5, applicationUtilization: 0.1))
    now.withLock { $0 = $0 + .seconds(1) }
    reporter.update { $0.applicationUtilization = 0.75 }
    #expect(
      reporter.current
        == LoadReport(
          cpuUtilization: 0.5, applicationUtilization: 0.75, requestsPerSecond: 1,
          errorsPerSecond: 0))
    reporter.update { $0.requestsPerSecond = 40 }
    #expect(reporter.current.requestsPerSecond == 40)
    #expect(reporter.current.errorsPerSecond == 0)
  }

  @Test(
    "an error counts when it speaks against the server",
    arguments: [
      (nil, false), (RPCError(.notFound, "no"), false), (RPCError(.internal, "broken"), true),
      (RPCError(.deadlineExceeded, "of a call of its own", notProcessed: true), true),
      (RPCError(.unavailable, "busy"), true),
      (RPCError(.unavailable, "as it says", reason: "closed"), false),
      (RPCError(.cancelled, "left"), false), (CancellationError(), false),
      (TestHandler.Secret(), true),
    ] as [((any Error)?, Bool)])
  func errors(_ error: (any Error)?, _ counts: Bool) {
    let now = Mutex(Self.start)
    let reporter = LoadReporter(now: { now.withLock { $0 } }, measure: { LoadReport() })
    reporter.callEnded(error)
    now.withLock { $0 = $0 + .seconds(1) }
    #expect(
      reporter.current == LoadReport(requestsPerSecond: 1, errorsPerSecond: counts ? 1 : 0))
  }

  @Test("the interceptors count calls, in whatever way they end", arguments: [true, false])
  func counted(attaches: Bool) async throws {
    let now = Mutex(Self.start)
    let reporter = LoadReporter(now: { now.withLock { $0 } }, measure: { LoadReport() })
    let interceptor: any ServerInterceptor =
      attaches ? LoadAttachment(reporter) : LoadCounter(reporter)
    let service = FramedrpcV1.TestService.register(TestHandler(), on: .eventLoop)
    try await withEndpoint(
      .inProcess, service: service.intercepted(by: [interceptor])
    ) { endpoint in
      for number: Int64 in 0..<6 {
        _ = try await endpoint.client.echo(.init(number: number), options: Self.patient)
      }
      for status in [RPCStatus.internal, .notFound] {
        let error = await rpcError {
          _ = try await endpoint.client.echo(
            .init(failWith: Int32(status.rawValue)), options: Self.patient)
        }
        #expect(error?.status == status)
      }
      now.withLock { $0 = $0 + .seconds(2) }
      let report = LoadReport(requestsPerSecond: 4, errorsPerSecond: 0.5)
      #expect(reporter.current == report)
      let heard = Mutex<LoadReport?>(nil)
      var options = Self.patient
      options.onResponseMetadata = { metadata in heard.withLock { $0 = LoadReport(metadata) } }
      _ = try await endpoint.client.echo(.init(number: 6), options: options)
      #expect(heard.withLock { $0 } == (attaches ? report : nil))
    }
  }

  @Test("a call is in flight until its answer, or its error", arguments: [true, false])
  func inFlight(fails: Bool) async throws {
    let reporter = LoadReporter()
    let handler = TestHandler()
    let service = FramedrpcV1.TestService.register(handler, on: .eventLoop)
    try await withEndpoint(
      .inProcess, service: service.intercepted(by: [LoadCounter(reporter)])
    ) { endpoint in
      let status = fails ? RPCStatus.notFound : .ok
      let request = FramedrpcV1.EchoRequest(
        number: 1, delayMs: 1, failWith: Int32(status.rawValue))
      let call = Task { await rpcError { _ = try await endpoint.client.echo(request) } }
      await handler.wait { $0.started == [1] }
      #expect(reporter.callsInFlight == 1)
      handler.release(1)
      #expect(await call.value?.status ?? .ok == status)
      #expect(reporter.callsInFlight == 0)
    }
  }
}
