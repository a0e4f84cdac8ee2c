import NIOCore
import Synchronization

/// What a server says of its own load: what is measured, the calls that ``LoadAttachment`` or
/// ``LoadCounter`` have counted, and what the service adds to it.
public final class LoadReporter: Sendable {
  /// The shortest time between two reports of a subscription.
  public let minimumInterval: Duration
  private let measure: @Sendable () -> LoadReport
  private let now: @Sendable () -> NIODeadline
  private let said: Mutex<LoadReport>
  private let rate: Mutex<CallRate>
  private let running = Atomic(0)

  /// - Parameters:
  ///   - minimumInterval: what a subscription gets that asks for more, or for nothing.
  ///   - rateInterval: over which calls are counted; best that of `measure`, so that both say
  ///     something of the same time.
  ///   - measure: asked for each report, on an event loop: it must not block. For example
  ///     ``ProcessLoad/report()``.
  public convenience init(
    minimumInterval: Duration = .seconds(1), rateInterval: Duration = .seconds(1),
    measure: @escaping @Sendable () -> LoadReport = { LoadReport() }
  ) {
    self.init(
      minimumInterval: minimumInterval, rateInterval: rateInterval, now: { .now() },
      measure: measure)
  }

  init(
    minimumInterval: Duration = .seconds(1), rateInterval: Duration = .seconds(1),
    now: @escaping @Sendable () -> NIODeadline, measure: @escaping @Sendable () -> LoadReport
  ) {
    self.minimumInterval = minimumInterval
    self.measure = measure
    self.now = now
    self.said = Mutex(LoadReport())
    self.rate = Mutex(CallRate(interval: rateInterval))
  }

  /// Changes what the service says; it goes before what is measured. Costs have no place here.
  public func update(_ change: (inout LoadReport) -> Void) {
    self.said.withLock { change(&$0) }
  }

  /// The report of now.
  public var current: LoadReport {
    var report = self.said.withLock { $0 }
    report.fill(from: self.measure())
    let rates = self.rate.withLock { $0.rates(now: self.now()) }
    report.fill(
      from: LoadReport(requestsPerSecond: rates?.requests, errorsPerSecond: rates?.errors))
    report.costs = [:]
    return report
  }

  /// How many of the unary calls that ``LoadCounter`` or ``LoadAttachment`` sees are being answered
  /// now. Not streams: one that is open may have nothing to do.
  public var callsInFlight: Int { self.running.load(ordering: .relaxed) }

  /// Counts a call that has ended, of those that ``LoadReport/requestsPerSecond`` is about.
  ///
  /// - Parameter error: what the handler threw; nil when the call went well. It counts for
  ///   ``LoadReport/errorsPerSecond`` when it is a failure for ``OutlierPolicy``.
  public func callEnded(_ error: (any Error)? = nil) {
    let isError = error.map(Self.speaksAgainstServer) ?? false
    self.rate.withLock { $0.record(isError: isError, now: self.now()) }
  }

  private static func speaksAgainstServer(_ error: any Error) -> Bool {
    guard var error = error as? RPCError else { return !(error is CancellationError) }
    // Perhaps the word of a call that the handler made; this one has run.
    error.notProcessed = false
    switch EndpointOutcome(error) {
    case .failure, .lost: return true
    case .success, .overload, .unreachable, .unsent, .abandoned: return false
    }
  }

  /// Answers a call, and counts it.
  fileprivate func counting(
    _ call: ServerCall, _ next: @Sendable (ServerCall) async throws -> CallAnswer,
    _ answered: () -> Void
  ) async throws -> CallAnswer {
    let isUnary = call.kind == .unary
    if isUnary { self.running.add(1, ordering: .relaxed) }
    defer { if isUnary { self.running.subtract(1, ordering: .relaxed) } }
    let answer: CallAnswer
    do {
      answer = try await next(call)
    } catch {
      self.callEnded(error)
      throw error
    }
    answered()
    self.callEnded()
    return answer
  }
}

/// Answers LoadService.
struct LoadHandler: FramedrpcV1.LoadServiceHandler {
  /// As good as never, and no sleep too long for a clock.
  private static let longestInterval = Duration.seconds(86_400)

  let reporter: LoadReporter
  let watches: IntrospectionWatches

  func watchLoad(
    _ request: FramedrpcV1.WatchLoadRequest, _ responses: RPCWriter<FramedrpcV1.LoadReport>,
    _ context: RPCContext
  ) async throws {
    guard request.intervalMs >= 0 else {
      throw RPCError(.invalidArgument, "the interval is 0 or more, not \(request.intervalMs)")
    }
    let interval = max(
      min(.milliseconds(request.intervalMs), Self.longestInterval), self.reporter.minimumInterval)
    repeat {
      try await responses.write(self.reporter.current.message)
    } while await self.watches.wait(interval)
    try Task.checkCancellation()
  }
}

/// Sends the server's load with the end of every answer, and counts the calls for it.
public struct LoadAttachment: ServerInterceptor {
  private let reporter: LoadReporter

  public init(_ reporter: LoadReporter) {
    self.reporter = reporter
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await self.reporter.counting(call, next) {
      // An answer whose metadata is full goes without.
      try? call.context.attachLoad(self.reporter.current)
    }
  }
}

/// Counts the calls of a server that reports its load only apart from them. ``LoadAttachment`` counts
/// too: a call behind both counts twice.
public struct LoadCounter: ServerInterceptor {
  private let reporter: LoadReporter

  public init(_ reporter: LoadReporter) {
    self.reporter = reporter
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    try await self.reporter.counting(call, next) {}
  }
}
