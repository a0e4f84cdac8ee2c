/// How much a call matters to a server that has more of them than it can do.
///
/// It travels as metadata under ``key``, and calls that a handler makes inherit it. The names are
/// those of the classes that Google's "Site Reliability Engineering" (chapter "Handling Overload")
/// calls criticality; three of them are enough for one machine.
public enum RPCPriority: String, Hashable, Sendable, CaseIterable {
  /// Somebody waits, and nothing else can be done instead.
  case critical
  case `default`
  /// Nobody waits: catching up, exports, probes of load.
  case bulk

  /// The metadata key; the value is the name of the case, and any other value means ``default``.
  public static let key = "priority"

  /// 0 for the most important.
  var rank: Int {
    switch self {
    case .critical: 0
    case .default: 1
    case .bulk: 2
    }
  }
}

extension RPCPriority: Comparable {
  public static func < (one: RPCPriority, other: RPCPriority) -> Bool { one.rank > other.rank }
}

extension RPCContext {
  /// What the caller said under ``RPCPriority/key``; if nothing, what the service was registered
  /// with, see ``RPCService/prioritized(_:_:)``.
  public var priority: RPCPriority {
    guard let entry = self.metadata.entries.first(where: { $0.key == RPCPriority.key }) else {
      return self.servicePriority
    }
    return RPCPriority(rawValue: String(decoding: entry.value, as: UTF8.self)) ?? .default
  }
}

extension CallOptions {
  /// The call's own priority. nil: that of the call that is being answered, if any, else what the
  /// server's service was registered with.
  public var priority: RPCPriority? {
    get {
      guard self.metadata.entries.contains(where: { $0.key == RPCPriority.key }) else { return nil }
      return self.metadata[RPCPriority.key].flatMap(RPCPriority.init(rawValue:)) ?? .default
    }
    set {
      _ = self.metadata.remove(RPCPriority.key)
      if let newValue {
        self.metadata.appendTrusted("priority", newValue.rawValue)
      }
    }
  }
}
