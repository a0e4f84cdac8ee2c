import NIOCore
import Synchronization

/// Answers StatisticsService for one server.
struct StatisticsHandler: FramedrpcV1.StatisticsServiceHandler {
  let statistics: ServerStatistics
  let sources: StatisticsSources

  func listConnections(
    _ request: FramedrpcV1.ListConnectionsRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListConnectionsResponse {
    FramedrpcV1.ListConnectionsResponse(connections: try await self.statistics.connections())
  }

  func listMethodStatistics(
    _ request: FramedrpcV1.ListMethodStatisticsRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListMethodStatisticsResponse {
    let methods = try await self.statistics.methods()
    return FramedrpcV1.ListMethodStatisticsResponse(
      methods: methods.filter { request.filter.isEmpty || $0.method.contains(request.filter) })
  }

  func listSlowCalls(
    _ request: FramedrpcV1.ListSlowCallsRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListSlowCallsResponse {
    FramedrpcV1.ListSlowCallsResponse(
      thresholdUs: Int64(try await self.statistics.slowThreshold()),
      calls: try await self.statistics.slowCalls())
  }

  func setSlowCallThreshold(
    _ request: FramedrpcV1.SetSlowCallThresholdRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.SetSlowCallThresholdResponse {
    guard request.thresholdUs > 0 else {
      throw RPCError(.invalidArgument, "the threshold is above 0, not \(request.thresholdUs)")
    }
    let previous = try await self.statistics.slowThreshold()
    try await self.statistics.setSlowThreshold(UInt32(clamping: request.thresholdUs))
    return FramedrpcV1.SetSlowCallThresholdResponse(previousUs: Int64(previous))
  }

  func listChannels(
    _ request: FramedrpcV1.ListChannelsRequest, _ context: RPCContext
  ) async throws -> FramedrpcV1.ListChannelsResponse {
    var channels: [FramedrpcV1.ChannelStatistics] = []
    for (name, source) in self.sources.all {
      let rows = await source.statisticsRows().map { row in
        FramedrpcV1.StatisticsRow(
          name: row.name,
          values: row.values.map { FramedrpcV1.StatisticsValue(name: $0.name, value: $0.value) })
      }
      channels.append(FramedrpcV1.ChannelStatistics(name: name, rows: rows))
    }
    return FramedrpcV1.ListChannelsResponse(channels: channels)
  }
}

/// The statistics of a server: those of its loops together.
package final class ServerStatistics: Sendable {
  private struct State {
    var methodNames: [String] = []
    var loops: [LoopStatistics] = []
    var connections: @Sendable () -> [ServerConnection] = { [] }
  }

  private let state = Mutex(State())

  package init() {}

  /// Said once the server has given its methods their slots.
  package func begin(
    methodNames: [String], loops: [LoopStatistics],
    connections: @escaping @Sendable () -> [ServerConnection]
  ) {
    self.state.withLock {
      $0 = State(methodNames: methodNames, loops: loops, connections: connections)
    }
  }

  private func onEachLoop<Answer: Sendable>(
    _ ask: @escaping @Sendable (LoopStatistics) -> Answer
  ) async throws -> [Answer] {
    var answers: [Answer] = []
    for statistics in self.state.withLock({ $0.loops }) {
      answers.append(try await statistics.loop.submit { ask(statistics) }.get())
    }
    return answers
  }

  /// By name; those that have been called.
  func methods() async throws -> [FramedrpcV1.MethodStatistics] {
    var all: [Int: LoopStatistics.MethodCounts] = [:]
    for counts in try await self.onEachLoop(\.methodCounts).joined() {
      all[counts.slot] =
        all[counts.slot].map { known in
          var known = known
          known.merge(counts)
          return known
        } ?? counts
    }
    let names = self.state.withLock { $0.methodNames }
    return all.values.map { FramedrpcV1.MethodStatistics(names[$0.slot], $0) }
      .sorted { $0.method < $1.method }
  }

  func slowThreshold() async throws -> UInt32 {
    try await self.onEachLoop(\.slowThreshold).max() ?? 0
  }

  func setSlowThreshold(_ microseconds: UInt32) async throws {
    _ = try await self.onEachLoop { $0.slowThreshold = microseconds }
  }

  func slowCalls() async throws -> [FramedrpcV1.SlowCall] {
    let calls = try await self.onEachLoop(\.slow).joined().sorted {
      $0.startedMs + $0.durationUs / 1000 > $1.startedMs + $1.durationUs / 1000
    }
    return Array(calls.prefix(SlowCallRing.capacity))
  }

  /// The oldest first.
  func connections() async throws -> [FramedrpcV1.ConnectionStatistics] {
    let connections = self.state.withLock { $0.connections }()
    var all: [FramedrpcV1.ConnectionStatistics] = []
    for connection in connections {
      all.append(try await connection.loop.submit { connection.connectionStatistics() }.get())
    }
    return all.sorted { $0.ageMs > $1.ageMs }
  }
}

extension FramedrpcV1.MethodStatistics {
  fileprivate init(_ name: String, _ counts: LoopStatistics.MethodCounts) {
    let errors = RPCStatus.allCases.compactMap { status in
      let count = counts.statuses[Int(status.rawValue)]
      return status == .ok || count == 0
        ? nil : FramedrpcV1.StatusCount(status: status.name, count: count)
    }
    func microseconds(_ fraction: Double) -> Double { Double(counts.latency.quantile(fraction)) }
    self.init(
      method: name, count: counts.statuses.reduce(0, +), inFlight: UInt32(counts.inFlight),
      errors: errors, p50Us: microseconds(0.5), p90Us: microseconds(0.9),
      p99Us: microseconds(0.99), p999Us: microseconds(0.999), maxUs: Double(counts.latency.max))
  }
}
