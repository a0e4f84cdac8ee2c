/// Finds the endpoints of a service, and goes on finding them.
public protocol RPCResolver: Sendable {
  /// What is known without asking anybody; nil when it takes a moment.
  var knownEndpoints: [RPCAddress]? { get }

  /// Calls `update` with what it finds, at first and then whenever that changes or cannot be found
  /// out. Runs until its task is cancelled, or for as long as there may be news.
  func run(_ update: @escaping @Sendable (ResolverUpdate) -> Void) async

  /// A connection was lost or could not be made: the endpoints may have moved. The resolver looks
  /// sooner than it would, but never more often than it ought to.
  func refresh()
}

/// What a resolver has found.
public enum ResolverUpdate: Hashable, Sendable {
  /// All endpoints, in the order of preference.
  case endpoints([RPCAddress])
  /// They cannot be found out now, for a reason that people can read. Those that were found before
  /// still count.
  case failure(String)
}

/// Endpoints that never change.
public struct StaticResolver: RPCResolver {
  public let knownEndpoints: [RPCAddress]?

  public init(_ endpoints: [RPCAddress]) {
    self.knownEndpoints = endpoints
  }

  public func run(_ update: @escaping @Sendable (ResolverUpdate) -> Void) async {}

  public func refresh() {}
}

/// Where a service is to be found: the text that goes into a configuration.
///
/// - `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH`: one endpoint, as ``RPCAddress`` reads it
/// - `static:ADDRESS,ADDRESS,…`: several of those
/// - `dns:HOST:PORT`: every address that the name has (``DNSResolver``)
/// - `file:/PATH`: a file that lists addresses (``FileResolver``)
public enum RPCTarget: Hashable, Sendable {
  case fixed([RPCAddress])
  case dns(host: String, port: Int)
  /// Absolute path of the file.
  case file(String)

  /// nil when the text is no target.
  public init?(_ text: String) {
    if let list = Self.rest(of: text, after: "static:") {
      let parts = list.split(separator: ",", omittingEmptySubsequences: false)
      let addresses = parts.compactMap { RPCAddress(Self.trimmed($0)) }
      if !addresses.isEmpty, addresses.count == parts.count {
        self = .fixed(addresses)
        return
      }
    }
    if let name = Self.rest(of: text, after: "dns:"),
      case .tcp(let host, let port)? = RPCAddress(name)
    {
      self = .dns(host: host, port: port)
      return
    }
    if let path = Self.rest(of: text, after: "file:"), path.hasPrefix("/") {
      self = .file(path)
      return
    }
    // A host may be called `dns`.
    guard !text.contains(","), let address = RPCAddress(text) else { return nil }
    self = .fixed([address])
  }

  private static func rest(of text: String, after prefix: String) -> String? {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }

  static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" }
    guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" && $0 != "\r" }) else {
      return ""
    }
    return String(start[...last])
  }

  public func makeResolver() -> any RPCResolver {
    switch self {
    case .fixed(let addresses): StaticResolver(addresses)
    case .dns(let host, let port): DNSResolver(host: host, port: port)
    case .file(let path): FileResolver(path: path)
    }
  }
}

extension RPCTarget: CustomStringConvertible {
  public var description: String {
    switch self {
    case .fixed(let addresses) where addresses.count == 1: "\(addresses[0])"
    case .fixed(let addresses): "static:" + addresses.map(\.description).joined(separator: ",")
    case .dns(let host, let port): "dns:\(RPCAddress.tcp(host: host, port: port))"
    case .file(let path): "file:\(path)"
    }
  }
}
