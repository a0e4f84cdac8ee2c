/// Where a server listens.
public enum RPCAddress: Hashable, Sendable {
  /// TCP; port 0 asks for any free port.
  case tcp(host: String, port: Int)
  /// A Unix domain socket.
  case unix(path: String)
  /// A name in a network inside this process.
  case inProcess(String, in: InProcessNetwork)

  /// Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
  public init?(_ text: String) {
    if text.hasPrefix("unix:"), text.count > 5 {
      self = .unix(path: String(text.dropFirst(5)))
      return
    }
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]), colon != text.startIndex
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    }
    self = .tcp(host: String(host), port: Int(port))
  }
}

extension RPCAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    case .inProcess(let name, _): "in-process:\(name)"
    }
  }
}
