import NIOCore
import Synchronization

/// What guards a process against the trouble of others and against too much to do, by name, so that
/// operators see and set it: see ``ServerIntrospection/guards``.
public final class Guards: Sendable {
  /// How long calls may take; nil where there is no bound.
  public struct Deadlines: Hashable, Sendable {
    /// Of a call that comes without a deadline.
    public var standard: Duration?
    /// Of any call.
    public var longest: Duration?
    /// How much earlier than its caller a handler stops waiting for others.
    public var hopMargin: Duration

    public init(standard: Duration? = nil, longest: Duration? = nil, hopMargin: Duration = .zero) {
      self.standard = standard
      self.longest = longest
      self.hopMargin = hopMargin
    }
  }

  /// A guarded channel, and the client below whose retry budget belongs to it.
  private struct Channel: Sendable {
    let channel: GuardedChannel
    let client: BalancedClient?
  }

  private struct State: Sendable {
    var channels: [String: Channel] = [:]
    var rates: [String: RateLimiter] = [:]
    var admissions: [String: @Sendable () -> AdmissionStatistics] = [:]
  }

  private let state = Mutex(State())
  /// Nothing is said of deadlines when nil.
  public let deadlines: Deadlines?

  public init(deadlines: Deadlines? = nil) {
    self.deadlines = deadlines
  }

  /// - Parameters:
  ///   - name: of the dependency; another channel of that name gives it up.
  ///   - client: the one below, whose retry budget is shown.
  public func register(_ channel: GuardedChannel, as name: String, client: BalancedClient? = nil) {
    self.state.withLock { $0.channels[name] = Channel(channel: channel, client: client) }
  }

  public func register(_ limiter: RateLimiter, as name: String) {
    self.state.withLock { $0.rates[name] = limiter }
  }

  /// Shows how much is taken in at once. An ``RPCServer`` does this by itself, as `rpc`.
  public func registerAdmission(
    as name: String, _ statistics: @escaping @Sendable () -> AdmissionStatistics
  ) {
    self.state.withLock { $0.admissions[name] = statistics }
  }

  // MARK: seeing

  /// Of one dependency.
  public struct Guard: Sendable {
    public let name: String
    public let circuit: CircuitStatistics
    public let bulkhead: BulkheadStatistics
    /// Of the client below, whose retry budget it shows; nil when there is none.
    public let client: ClientStatistics?
  }

  /// By name.
  public var all: [Guard] {
    self.state.withLock { $0.channels }.map { Guard($0.key, $0.value.channel, $0.value.client) }
      .sorted { $0.name < $1.name }
  }

  /// By name.
  public var rates: [(name: String, statistics: RateLimitStatistics)] {
    self.state.withLock { $0.rates }.map { (name: $0.key, statistics: $0.value.statistics) }
      .sorted { $0.name < $1.name }
  }

  /// By name.
  public var admissions: [(name: String, statistics: AdmissionStatistics)] {
    self.state.withLock { $0.admissions }.map { (name: $0.key, statistics: $0.value()) }
      .sorted { $0.name < $1.name }
  }

  // MARK: setting

  /// nil when there is none.
  public func channel(_ name: String) -> GuardedChannel? {
    self.state.withLock { $0.channels[name]?.channel }
  }

  func status(_ name: String) -> Guard? {
    self.state.withLock { $0.channels[name] }.map { Guard(name, $0.channel, $0.client) }
  }

  /// nil when there is none.
  public func rate(_ name: String) -> RateLimiter? {
    self.state.withLock { $0.rates[name] }
  }
}

extension Guards.Guard {
  fileprivate init(_ name: String, _ channel: GuardedChannel, _ client: BalancedClient?) {
    self.init(
      name: name, circuit: channel.circuitStatistics, bulkhead: channel.bulkheadStatistics,
      client: client?.statistics())
  }
}
