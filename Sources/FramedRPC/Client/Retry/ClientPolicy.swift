/// How a failed call is tried again.
///
/// Only where that is safe: the call certainly had no effect (``RPCError/notProcessed``), or its
/// method is declared idempotent and the status is one of ``statuses``. An error with a reason is
/// the service's own answer and is not asked for twice, unless the server says when (see
/// ``RetryPushback``).
public struct RetryPolicy: Hashable, Sendable {
  /// Tries in all, the first one included, 1 or more.
  public var maxAttempts: Int
  /// The n-th retry waits a random time between 0 and `firstBackoff` × `multiplier`^(n - 1) …
  public var firstBackoff: Duration
  public var multiplier: Double
  /// … but never longer than up to this.
  public var maxBackoff: Duration
  /// What an idempotent method is tried again after.
  public var statuses: Set<RPCStatus>

  /// Backoff with full jitter as gRFC A6 has it. Three attempts are Google SRE's limit for one
  /// request.
  public init(
    maxAttempts: Int = 3, firstBackoff: Duration = .milliseconds(25), multiplier: Double = 2,
    maxBackoff: Duration = .seconds(1), statuses: Set<RPCStatus> = [.unavailable]
  ) {
    self.maxAttempts = maxAttempts
    self.firstBackoff = firstBackoff
    self.multiplier = multiplier
    self.maxBackoff = maxBackoff
    self.statuses = statuses
    self.check()
  }

  fileprivate func check() {
    precondition(self.maxAttempts >= 1, "a call is tried at least once")
    precondition(
      self.firstBackoff >= .zero && self.maxBackoff >= .zero && self.multiplier >= 1,
      "a backoff is not negative and does not shrink")
  }
}

/// How a call is sent a second time before the first has failed, to cut the slowest answers off
/// (gRFC A6; Dean and Barroso, "The Tail at Scale"). The first good answer wins; the other attempts
/// are cancelled. A hedged call is not retried as well. It goes to endpoints that it has not been sent
/// to yet; while there is but one, the method's calls are retried instead.
public struct HedgingPolicy: Hashable, Sendable {
  /// How long an answer may take before the next attempt leaves.
  public var delay: Duration
  /// Attempts in all, the first one included, 1 or more.
  public var maxAttempts: Int
  /// Errors after which the next attempt leaves at once; any other ends the call.
  public var nonFatalStatuses: Set<RPCStatus>

  public init(
    delay: Duration, maxAttempts: Int = 2,
    nonFatalStatuses: Set<RPCStatus> = [.unavailable, .resourceExhausted]
  ) {
    self.delay = delay
    self.maxAttempts = maxAttempts
    self.nonFatalStatuses = nonFatalStatuses
    self.check()
  }

  fileprivate func check() {
    precondition(self.maxAttempts >= 1, "a call is tried at least once")
    precondition(self.delay >= .zero, "a hedge leaves after the call")
  }
}

/// How the calls of one method are made.
public struct MethodPolicy: Hashable, Sendable {
  /// The longest a call may take, all attempts together; the caller's own timeout wins when it is
  /// shorter. nil: only the caller's counts.
  public var timeout: Duration?
  /// Wait for a server until the deadline rather than fail while none can be reached, for every
  /// call of the method.
  public var waitForReady: Bool
  /// Whether the method may be carried out twice with the effect of once.
  public var isIdempotent: Bool
  /// nil: never again, however safe it is. A server that could not be reached is no attempt: the
  /// call goes to another one all the same.
  public var retry: RetryPolicy?
  /// nil: no hedging. Only for idempotent methods.
  public var hedging: HedgingPolicy?

  public init(
    timeout: Duration? = nil, waitForReady: Bool = false, isIdempotent: Bool = false,
    retry: RetryPolicy? = RetryPolicy(), hedging: HedgingPolicy? = nil
  ) {
    self.timeout = timeout
    self.waitForReady = waitForReady
    self.isIdempotent = isIdempotent
    self.retry = retry
    self.hedging = hedging
    self.check()
  }

  /// May be repeated, and is where it may help.
  public static let idempotent = MethodPolicy(isIdempotent: true)

  fileprivate func check() {
    self.retry?.check()
    self.hedging?.check()
    precondition(
      self.hedging == nil || self.isIdempotent,
      "a hedged call runs twice: its method must be idempotent")
  }
}

/// Everything a client does on its own account, in one value: how it spreads calls, whom it leaves
/// out, and how each method is retried.
///
/// A method's policy is the one under its full name, else the one of its service, else
/// ``standard``. They do not add up.
public struct ClientPolicy: Hashable, Sendable {
  public var balancing: BalancingPolicy
  /// nil: no endpoint is left out for failing.
  public var outliers: OutlierPolicy?
  /// Shared by all methods of the client.
  public var budget: RetryBudgetPolicy
  public var standard: MethodPolicy
  /// By service: `sugang.pay.v1.PayService`.
  public var services: [String: MethodPolicy]
  /// By full name: `sugang.pay.v1.PayService/Approve`.
  public var methods: [String: MethodPolicy]

  public init(
    balancing: BalancingPolicy = .leastLoaded, outliers: OutlierPolicy? = OutlierPolicy(),
    budget: RetryBudgetPolicy = RetryBudgetPolicy(), standard: MethodPolicy = MethodPolicy(),
    services: [String: MethodPolicy] = [:], methods: [String: MethodPolicy] = [:]
  ) {
    self.balancing = balancing
    self.outliers = outliers
    self.budget = budget
    self.standard = standard
    self.services = services
    self.methods = methods
  }

  /// The policy of `sugang.pay.v1.PayService/Approve`.
  public func policy(of method: String) -> MethodPolicy {
    if let own = self.methods[method] { return own }
    guard !self.services.isEmpty, let slash = method.lastIndex(of: "/") else {
      return self.standard
    }
    return self.services[String(method[..<slash])] ?? self.standard
  }
}

/// A ``ClientPolicy`` made ready for one look-up a call.
struct PolicyTable: Sendable {
  private let methods: [UInt64: MethodPolicy]
  private let services: [Substring: MethodPolicy]
  private let standard: MethodPolicy

  init(_ policy: ClientPolicy) {
    policy.standard.check()
    for method in policy.services.values { method.check() }
    for method in policy.methods.values { method.check() }
    self.methods = Dictionary(
      policy.methods.map { (MethodHash.hash($0.key), $0.value) },
      uniquingKeysWith: { one, _ in one })
    self.services = Dictionary(
      uniqueKeysWithValues: policy.services.map { (Substring($0.key), $0.value) })
    self.standard = policy.standard
  }

  func policy(of call: RPCCall) -> MethodPolicy {
    if !self.methods.isEmpty, let own = self.methods[call.methodHash] { return own }
    guard !self.services.isEmpty, let slash = call.method.lastIndex(of: "/") else {
      return self.standard
    }
    return self.services[call.method[..<slash]] ?? self.standard
  }
}
