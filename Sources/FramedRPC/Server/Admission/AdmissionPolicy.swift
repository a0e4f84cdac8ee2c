/// How many calls a server runs at once, over all its connections, and what becomes of the others.
///
/// A call over the limit waits in a bounded queue: critical ones before default ones before bulk
/// ones, and within one priority in the order in which they came. A call that cannot be served in
/// time is answered before its request is decoded, with the sub-reasons NOT_PROCESSED and
/// OVERLOADED. Newest first, which Facebook's "Fail at Scale" recommends while a queue stands,
/// is left out: it is unfair among callers with one deadline, and the longest queue time and the
/// deadlines keep a standing queue short already.
public struct AdmissionPolicy: Hashable, Sendable {
  public enum Limit: Hashable, Sendable {
    /// Always so many calls at once.
    case fixed(Int)
    /// As many as do not make each other slow.
    case adaptive(AdaptiveLimitPolicy)
  }

  public var limit: Limit
  /// Calls that may wait, over all priorities; 0 for none. When it is full, a call of a lower
  /// priority than the new one is refused in its place, the one that came last.
  public var maxQueuedCalls: Int
  /// How long one of them waits at most; its deadline may be earlier.
  public var maxQueueTime: Duration
  /// The share of the limit, 0 to below 1, that only critical calls may take …
  public var criticalReserve: Double
  /// … and a further share that bulk calls may not take. Each priority has one place at least.
  public var defaultReserve: Double

  public init(
    limit: Limit = .adaptive(AdaptiveLimitPolicy()), maxQueuedCalls: Int = 1024,
    maxQueueTime: Duration = .milliseconds(250), criticalReserve: Double = 0.1,
    defaultReserve: Double = 0.1
  ) {
    self.limit = limit
    self.maxQueuedCalls = maxQueuedCalls
    self.maxQueueTime = maxQueueTime
    self.criticalReserve = criticalReserve
    self.defaultReserve = defaultReserve
    self.check()
  }

  func check() {
    if case .fixed(let limit) = self.limit {
      precondition(limit >= 1, "a server without a place runs no call")
    }
    precondition(self.maxQueuedCalls >= 0, "a queue cannot have fewer than no calls")
    precondition(
      self.criticalReserve >= 0 && self.defaultReserve >= 0
        && self.criticalReserve + self.defaultReserve < 1, "the reserves leave nothing for others")
  }
}

/// A limit that follows the latency of the calls: Netflix's Gradient2 (concurrency-limits), with
/// the no-load latency measured anew as brpc's automatic limiter does.
///
/// Every `window` the mean service time of its calls is compared with the no-load service time:
///
/// ```
/// gradient = tolerance · noLoad / mean          within 0.5 … 1
/// limit    = (1 - smoothing) · limit + smoothing · (gradient · limit + √limit)
/// ```
///
/// The service time is what the handler took; waiting in the queue is not in it. √limit is the
/// queue that is allowed for (Netflix's first Gradient, Envoy's headroom). The limit stays as it is
/// while less than half of it is in use: such calls say nothing about it.
///
/// Gradient2 rather than brpc's own formula, qps · latency, because the methods of one server differ
/// much: a change from cheap to dear calls makes brpc's limit collapse, and is a slower mean here.
///
/// *No-load service time.* A moving mean over `noLoadWindows` windows, upwards only of those that
/// used at most half of the limit: Gradient2 takes all of them, so that under lasting overload the
/// overload becomes its normal. When there has been no such window for `remeasureInterval`, the
/// limit is halved until a window's worth of calls has begun and ended within it, and their mean is
/// the new no-load service time (brpc: halved for two seconds every 25 to 50). It is also measured
/// ten windows after the start, since a server may start into a stampede, and ten windows after a
/// measurement that found it to be a tenth shorter or more.
public struct AdaptiveLimitPolicy: Hashable, Sendable {
  /// The limit to begin with, and its bounds.
  public var initial: Int
  public var min: Int
  public var max: Int
  /// Shortest sampling window …
  public var window: Duration
  /// … and calls that it needs; it lasts until it has them.
  public var windowCalls: Int
  /// How many times the no-load service time is still normal.
  public var tolerance: Double
  /// The share of the way to the new limit that each window goes, above 0 up to 1.
  public var smoothing: Double
  /// Windows in the moving mean of the no-load service time.
  public var noLoadWindows: Int
  /// Longest time for which the no-load service time is trusted under load.
  public var remeasureInterval: Duration

  /// The defaults of tolerance, smoothing and mean are Gradient2's, the window is Envoy's.
  public init(
    initial: Int = 64, min: Int = 8, max: Int = 1024, window: Duration = .milliseconds(100),
    windowCalls: Int = 20, tolerance: Double = 1.5, smoothing: Double = 0.2,
    noLoadWindows: Int = 600, remeasureInterval: Duration = .seconds(30)
  ) {
    self.initial = initial
    self.min = min
    self.max = max
    self.window = window
    self.windowCalls = windowCalls
    self.tolerance = tolerance
    self.smoothing = smoothing
    self.noLoadWindows = noLoadWindows
    self.remeasureInterval = remeasureInterval
    self.check()
  }

  func check() {
    precondition(
      1 <= self.min && self.min <= self.initial && self.initial <= self.max,
      "the limit begins within its bounds, and a server without a place runs no call")
    precondition(self.windowCalls >= 1, "a window of no calls has no mean")
    precondition(self.tolerance >= 1, "no call is faster than without load")
    precondition(self.smoothing > 0 && self.smoothing <= 1, "the limit moves towards the new one")
    precondition(self.noLoadWindows >= 1, "a mean has a window at least")
  }
}
