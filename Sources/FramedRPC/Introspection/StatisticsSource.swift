import Synchronization

/// Something whose numbers a server shows: most often a client channel.
public protocol StatisticsSource: Sendable {
  /// The numbers of now. Must not block.
  func statisticsRows() async -> [StatisticsRow]
}

/// One thing that a ``StatisticsSource`` tells of, such as a backend or a connection.
public struct StatisticsRow: Hashable, Sendable {
  public struct Value: Hashable, Sendable {
    /// With its unit: `in-flight`, `latency-us`.
    public let name: String
    public let value: Double

    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// `127.0.0.1:9083`
  public let name: String
  public let values: [Value]

  public init(_ name: String, _ values: [Value]) {
    self.name = name
    self.values = values
  }
}

/// The sources whose numbers a server shows, by name.
public final class StatisticsSources: Sendable {
  private let sources = Mutex<[String: any StatisticsSource]>([:])

  public init() {}

  /// Shows `source` from now on, in the place of an earlier one with that name.
  public func register(_ source: any StatisticsSource, as name: String) {
    self.sources.withLock { $0[name] = source }
  }

  public func remove(_ name: String) {
    _ = self.sources.withLock { $0.removeValue(forKey: name) }
  }

  /// By name.
  var all: [(name: String, source: any StatisticsSource)] {
    self.sources.withLock { sources in
      sources.map { (name: $0.key, source: $0.value) }.sorted { $0.name < $1.name }
    }
  }
}
