import NIOCore

/// The other end of a connection, as far as the transport knows it.
public struct RPCPeer: Hashable, Sendable {
  /// `127.0.0.1:50312`, `unix`, `in-process:NAME`, or empty when nobody knows. An address proves
  /// nothing.
  public let address: String
  /// The names that the peer proved by a certificate this end trusts: its DNS names in lower case
  /// (`pay`) and its URIs (`spiffe://sugang/pay`). Empty when it showed none.
  public let identity: [String]
  /// Whether the connection is encrypted.
  public let isTLS: Bool

  public init(address: String = "", identity: [String] = [], isTLS: Bool = false) {
    self.address = address
    self.identity = identity
    self.isTLS = isTLS
  }
}

extension RPCPeer {
  /// A peer without security.
  init(address: SocketAddress?) {
    self.init(address: Self.text(address))
  }

  package static func text(_ address: SocketAddress?) -> String {
    switch address {
    case .v4?, .v6?:
      guard let address, let ip = address.ipAddress, let port = address.port else { return "" }
      return RPCAddress.tcp(host: ip, port: port).description
    case .unixDomainSocket?: return "unix"
    case nil: return ""
    }
  }
}
