/// Tells what servers say of their load with the answers of a channel's calls.
public struct LoadObserver: ClientInterceptor {
  private let onReport: @Sendable (_ method: String, _ report: LoadReport) -> Void

  /// - Parameter onReport: told when a call that carried a report has ended well, before its caller
  ///   has the answer of a unary one. It must not block.
  public init(_ onReport: @escaping @Sendable (_ method: String, _ report: LoadReport) -> Void) {
    self.onReport = onReport
  }

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard call.kind == .unary else {
      let answer = try await next(call)
      self.tell(call.method, call.traffic.trailingMetadata)
      return answer
    }
    var observed = call
    let told = call.options.onResponseMetadata
    observed.options.onResponseMetadata = { metadata in
      self.tell(call.method, metadata)
      told?(metadata)
    }
    return try await next(observed)
  }

  private func tell(_ method: String, _ metadata: RPCMetadata) {
    guard let report = LoadReport(metadata) else { return }
    self.onReport(method, report)
  }
}

/// The load of a server, as it says it from time to time. Ends when the server shuts down, throws the
/// ``RPCError`` of a call that failed; dropping it ends the subscription.
public struct LoadReports: AsyncSequence, Sendable {
  public typealias Element = LoadReport

  private let messages: RPCReader<FramedrpcV1.LoadReport>

  init(_ messages: RPCReader<FramedrpcV1.LoadReport>) {
    self.messages = messages
  }

  public struct AsyncIterator: AsyncIteratorProtocol {
    let messages: RPCReader<FramedrpcV1.LoadReport>

    public mutating func next() async throws -> LoadReport? {
      try await self.messages.next().map { LoadReport($0) }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(messages: self.messages)
  }
}

extension RPCChannel {
  /// Subscribes to the load of the server behind this channel, apart from calls.
  ///
  /// Of a channel to several servers it is that of one of them: subscribe to each through a client of
  /// its own.
  ///
  /// - Parameter interval: between two reports, in whole milliseconds; the server's minimum if that is
  ///   longer.
  /// - Throws: ``RPCError`` when there is no connection. A server without reports ends the sequence
  ///   with UNIMPLEMENTED.
  public func loadReports(
    every interval: Duration, options: CallOptions = CallOptions(timeout: nil)
  ) async throws -> LoadReports {
    let (seconds, attoseconds) = interval.components
    let milliseconds = seconds.multipliedReportingOverflow(by: 1_000)
    let request = FramedrpcV1.WatchLoadRequest(
      intervalMs: milliseconds.overflow
        ? .max : max(milliseconds.partialValue + attoseconds / 1_000_000_000_000_000, 0))
    return LoadReports(
      try await FramedrpcV1.LoadServiceClient(self).watchLoad(request, options: options))
  }
}
