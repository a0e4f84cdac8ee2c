/// What a server's admission has done and holds now.
public struct AdmissionStatistics: Hashable, Sendable {
  /// A number for each priority.
  public struct Counts: Hashable, Sendable {
    public var critical = 0
    public var `default` = 0
    public var bulk = 0

    public init() {}

    public var total: Int { self.critical + self.default + self.bulk }

    public subscript(priority: RPCPriority) -> Int {
      get {
        switch priority {
        case .critical: self.critical
        case .default: self.default
        case .bulk: self.bulk
        }
      }
      set {
        switch priority {
        case .critical: self.critical = newValue
        case .default: self.default = newValue
        case .bulk: self.bulk = newValue
        }
      }
    }
  }

  /// Calls at once that are allowed now.
  public var limit = 0
  /// Calls that run now, but for those of exempt methods.
  public var inFlight = 0
  /// Calls that wait now.
  public var queued = Counts()
  /// The service time without load, as the adaptive limit knows it; nil for a fixed limit, and
  /// before the first window.
  public var noLoadServiceTime: Duration?

  // Since the start.

  /// Calls that got a place, at once or later …
  public var admitted = Counts()
  /// … and those of them that had to wait for it.
  public var admittedLater = Counts()
  /// Calls whose caller left while they waited.
  public var abandoned = Counts()
  /// Refused because the queue was full.
  public var refusedQueueFull = Counts()
  /// Refused because they had waited for the longest queue time.
  public var refusedQueueTime = Counts()
  /// Refused because the deadline had passed.
  public var refusedExpired = Counts()
  /// Refused because less time was left than such calls take.
  public var refusedTooLate = Counts()

  public init() {}

  public var refused: Int {
    self.refusedQueueFull.total + self.refusedQueueTime.total + self.refusedExpired.total
      + self.refusedTooLate.total
  }
}
