/// What a balanced client knows of its endpoints and has done, at one moment: for dashboards.
public struct ClientStatistics: Hashable, Sendable {
  public enum EndpointState: String, Hashable, Sendable {
    /// Not called yet.
    case idle
    case ready
    /// Could not be reached, or lost its connection; it is being reconnected.
    case broken
  }

  public struct Endpoint: Hashable, Sendable {
    /// As ``RPCAddress`` writes it.
    public let address: String
    public let state: EndpointState
    public let inFlight: Int
    /// Attempts sent to it since the resolver named it.
    public let calls: Int
    /// Those that spoke against it.
    public let failures: Int
    /// The moving average that follows peaks, as it has sunk by now; zero while nothing is known.
    public let latency: Duration
    /// By its load reports, in requests per second for a utilization of 1; nil when it has none that
    /// counts, or ``BalancingPolicy/weightedRoundRobin(_:)`` is not the policy.
    public let weight: Double?
    /// How much longer it is left out for failing; nil when it is not.
    public let ejectedFor: Duration?
  }

  /// As ``RPCTarget`` writes it.
  public let target: String
  /// In the resolver's order.
  public let endpoints: [Endpoint]
  /// Why the endpoints could not be found out at the last try; nil when they could.
  public let resolverFailure: String?
  /// Retries and hedges that the budget would pay for now.
  public let budgetLeft: Int
  /// Calls made by callers.
  public let calls: Int
  /// Attempts after a failed one.
  public let retries: Int
  /// Attempts beside one that had not answered yet.
  public let hedges: Int
  /// Calls sent on to another endpoint because one could not be reached: no retries.
  public let reroutes: Int
  /// Retries and hedges that the budget did not pay for.
  public let refusedByBudget: Int
  /// How often an endpoint was left out for failing.
  public let ejections: Int
}
