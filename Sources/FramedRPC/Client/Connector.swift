import NIOCore
import NIOPosix

/// Opens the wire under a client connection.
enum Connector {
  /// Longest time for the TCP or Unix connect itself; the handshake has its own limit.
  static let connectTimeout: TimeAmount = .seconds(3)

  /// Returns when the wire is there; the handshakes are still to come.
  ///
  /// - Parameters:
  ///   - security: of a TCP or Unix connection.
  ///   - resolver: of host names; nil is the system's.
  /// - Throws: ``RPCError`` unavailable.
  static func connect(
    _ connection: ClientConnection, to address: RPCAddress, security: (any ClientSecurity)?,
    resolver: (any Resolver & Sendable)? = nil
  ) async throws(RPCError) {
    switch address {
    case .inProcess(let name, let network):
      try network.connect(name, connection)
    case .tcp(let host, let port):
      try await Self.connect(connection, address, security) {
        $0.resolver(resolver).connect(host: host, port: port)
      }
    case .unix(let path):
      try await Self.connect(connection, address, security) {
        $0.connect(unixDomainSocketPath: path)
      }
    }
  }

  private static func connect(
    _ connection: ClientConnection, _ address: RPCAddress, _ security: (any ClientSecurity)?,
    _ connect: (ClientBootstrap) -> EventLoopFuture<any Channel>
  ) async throws(RPCError) {
    var bootstrap = ClientBootstrap(group: connection.loop)
      .connectTimeout(Self.connectTimeout)
      .channelOption(.writeBufferWaterMark, value: SocketWire.writeBuffer)
    if case .tcp = address {
      bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
    do {
      // Not for every channel that is tried: a host name may have many addresses, and those that
      // are given up must not end the connection.
      try await connect(bootstrap).flatMap { channel in
        SocketWire.configure(channel, connection, security).flatMapErrorThrowing {
          channel.close(promise: nil)
          throw $0
        }
      }.get()
    } catch {
      throw RPCError(
        .unavailable, "cannot connect to \(address): \(error)", notProcessed: true)
    }
  }
}
