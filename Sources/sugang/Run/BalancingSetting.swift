import FramedRPC

/// What `--balancing` can say.
enum BalancingSetting: String, Hashable, Sendable, CaseIterable {
  case leastLoaded = "least-loaded"
  case roundRobin = "round-robin"
  case weighted
  case pickFirst = "pick-first"

  /// Load reports come apart from the calls, so that no answer has to carry one.
  var policy: BalancingPolicy {
    switch self {
    case .leastLoaded: .leastLoaded
    case .roundRobin: .roundRobin
    case .weighted: .weightedRoundRobin(WeightedRoundRobinPolicy(reports: .outOfBand()))
    case .pickFirst: .pickFirst
    }
  }
}
