import Synchronization

/// What a server says of its own load: what is measured, and what the service adds to it.
public final class LoadReporter: Sendable {
  /// The shortest time between two reports of a subscription.
  public let minimumInterval: Duration
  private let measure: @Sendable () -> LoadReport
  private let said: Mutex<LoadReport>

  /// - Parameters:
  ///   - minimumInterval: what a subscription gets that asks for more, or for nothing.
  ///   - measure: asked for each report, on an event loop: it must not block. For example
  ///     ``ProcessLoad/report()``.
  public init(
    minimumInterval: Duration = .seconds(1),
    measure: @escaping @Sendable () -> LoadReport = { LoadReport() }
  ) {
    self.minimumInterval = minimumInterval
    self.measure = measure
    self.said = Mutex(LoadReport())
  }

  /// Changes what the service says; it goes before what is measured. Costs have no place here.
  public func update(_ change: (inout LoadReport) -> Void) {
    self.said.withLock { change(&$0) }
  }

  /// The report of now.
  public var current: LoadReport {
    var report = self.said.withLock { $0 }
    report.fill(from: self.measure())
    report.costs = [:]
    return report
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

/// Sends the server's load with the end of every answer.
public struct LoadAttachment: ServerInterceptor {
  private let reporter: LoadReporter

  public init(_ reporter: LoadReporter) {
    self.reporter = reporter
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    let answer = try await next(call)
    // An answer whose metadata is full goes without.
    try? call.context.attachLoad(self.reporter.current)
    return answer
  }
}
