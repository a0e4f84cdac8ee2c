/// Which endpoint gets the next call, of those that are not known to be broken or left out.
public enum BalancingPolicy: Hashable, Sendable {
  /// One after the other.
  case roundRobin
  /// The less loaded of two that are picked at random ("power of two choices", Mitzenmacher), by
  /// `PeakEWMA`. Sends less to a slow endpoint and finds out by itself when it has recovered.
  case leastLoaded
  /// In turn, but in proportion to what each endpoint gets done for what it uses, by the load reports
  /// of the servers. For servers of different sizes, and for load that latency does not show.
  case weightedRoundRobin(WeightedRoundRobinPolicy = WeightedRoundRobinPolicy())
  /// The first in the resolver's order; the others are there for when it is broken.
  case pickFirst
}

/// How load reports (``LoadReport``) become weights: gRFC A58 (gRPC's `weighted_round_robin`, Envoy's
/// `client_side_weighted_round_robin`), with its numbers.
///
/// An endpoint weighs its requests per second over its utilization, to which its share of errors adds:
/// `rps / (utilization + eps / rps * errorUtilizationPenalty)`. The utilization is the application's
/// where that is above 0, else the CPU's. A report without one of them or without requests says
/// nothing. An endpoint without a usable weight gets the mean of the others; while fewer than two have
/// one, all take turns. No endpoint counts for less than 0.01 or more than 10 times the mean, as in
/// gRPC's C++ implementation.
///
/// A weight is forgotten when a call finds its endpoint broken; a connection that is replaced without
/// a failed call leaves it.
public struct WeightedRoundRobinPolicy: Hashable, Sendable {
  /// Where reports come from.
  public enum Reports: Hashable, Sendable {
    /// With the answers of calls (``LoadAttachment``, ``RPCContext/attachLoad(_:)``).
    case perCall
    /// Apart from calls: each endpoint is connected to and asked to report at an interval, or the
    /// server's minimum if that is longer (``ServerIntrospection/load``). Those that come with answers
    /// are not looked at.
    case outOfBand(every: Duration = .seconds(10))
  }

  public var reports: Reports
  /// For how long an endpoint must have reported before its weight counts: at first, after it was
  /// broken, and after its weight has expired.
  public var blackoutPeriod: Duration
  /// How long a weight counts after the last report.
  public var weightExpirationPeriod: Duration
  /// How often weights are looked at anew; at least every 100 ms.
  public var weightUpdatePeriod: Duration
  /// How much utilization a share of errors of 1 stands for, 0 or more.
  public var errorUtilizationPenalty: Double

  public init(
    reports: Reports = .perCall, blackoutPeriod: Duration = .seconds(10),
    weightExpirationPeriod: Duration = .seconds(180), weightUpdatePeriod: Duration = .seconds(1),
    errorUtilizationPenalty: Double = 1
  ) {
    self.reports = reports
    self.blackoutPeriod = blackoutPeriod
    self.weightExpirationPeriod = weightExpirationPeriod
    self.weightUpdatePeriod = weightUpdatePeriod
    self.errorUtilizationPenalty = errorUtilizationPenalty
    self.check()
  }

  func check() {
    precondition(
      self.errorUtilizationPenalty >= 0 && self.errorUtilizationPenalty.isFinite,
      "errors do not make an endpoint better")
  }
}

/// When an endpoint that answers, but badly, is left out for a while: gRFC A50 (Envoy's outlier
/// detection), with its numbers where nothing else is said, and Envoy's failures in a row.
///
/// A failure is what speaks against a server: DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, DATA_LOSS, and
/// UNAVAILABLE without a reason. An endpoint that cannot be reached at all is no outlier: it is
/// known as broken, and comes back as soon as it can be reached.
public struct OutlierPolicy: Hashable, Sendable {
  /// Leaves out endpoints whose share of successes is below the mean of all by so many standard
  /// deviations.
  public struct SuccessRate: Hashable, Sendable {
    public var deviations: Double
    /// Endpoints with enough calls that it takes for a verdict on any, 1 or more.
    public var minimumHosts: Int
    /// Calls in one interval that it takes for a verdict on an endpoint, 1 or more.
    public var minimumCalls: Int

    public init(deviations: Double = 1.9, minimumHosts: Int = 5, minimumCalls: Int = 100) {
      self.deviations = deviations
      self.minimumHosts = minimumHosts
      self.minimumCalls = minimumCalls
    }
  }

  /// Leaves out endpoints by their own share of failures.
  public struct FailureShare: Hashable, Sendable {
    /// Above this share, 0...1.
    public var threshold: Double
    /// Endpoints that it takes for a verdict on any, 1 or more. gRFC A50 has 5; two of three
    /// servers can carry on, so here it is 2.
    public var minimumHosts: Int
    /// Calls in one interval that it takes for a verdict on an endpoint, 1 or more.
    public var minimumCalls: Int

    public init(threshold: Double = 0.85, minimumHosts: Int = 2, minimumCalls: Int = 50) {
      self.threshold = threshold
      self.minimumHosts = minimumHosts
      self.minimumCalls = minimumCalls
    }
  }

  /// How often the last two are looked at.
  public var interval: Duration
  /// How long an endpoint is left out the first time; the second time twice as long, and so on; an
  /// interval in which it is not left out takes one of the times back …
  public var baseEjectionTime: Duration
  /// … and never longer than this.
  public var maxEjectionTime: Duration
  /// The largest share of the endpoints that is left out at once, 0...1, rounded down; but one may
  /// always be, when there are two or more.
  public var maxEjectedShare: Double
  /// Left out at once after so many failures without a success between them; nil: never for that.
  public var failuresInARow: Int?
  public var successRate: SuccessRate?
  public var failureShare: FailureShare?

  public init(
    interval: Duration = .seconds(10), baseEjectionTime: Duration = .seconds(30),
    maxEjectionTime: Duration = .seconds(300), maxEjectedShare: Double = 0.1,
    failuresInARow: Int? = 5, successRate: SuccessRate? = SuccessRate(),
    failureShare: FailureShare? = FailureShare()
  ) {
    self.interval = interval
    self.baseEjectionTime = baseEjectionTime
    self.maxEjectionTime = maxEjectionTime
    self.maxEjectedShare = maxEjectedShare
    self.failuresInARow = failuresInARow
    self.successRate = successRate
    self.failureShare = failureShare
    self.check()
  }

  func check() {
    precondition(self.interval > .zero, "an interval takes time")
    precondition((0...1).contains(self.maxEjectedShare), "a share is from 0 to 1")
    precondition(self.failuresInARow.map { $0 >= 1 } ?? true, "no failure leaves nobody out")
  }
}
