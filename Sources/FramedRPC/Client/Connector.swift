import NIOCore
import NIOPosix

/// Opens the wire under a client connection.
enum Connector {
  /// Longest time for the TCP or Unix connect itself; the handshake has its own limit.
  static let connectTimeout: TimeAmount = .seconds(3)

  /// Returns when the wire is there; the handshakes are still to come.
  ///
  /// - Parameter security: of a TCP or Unix connection.
  /// - Throws: ``RPCError`` unavailable.
  static func connect(
    _ connection: ClientConnection, to address: RPCAddress, security: (any ClientSecurity)?
  ) async throws(RPCError) {
    switch address {
    case .inProcess(let name, let network):
      try network.connect(name, connection)
    case .tcp(let host, let port):
      try await Self.connect(connection, address, security) { $0.connect(host: host, port: port) }
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
      .channelInitializer { SocketWire.configure($0, connection, security) }
    if case .tcp = address {
      bootstrap = bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
    do {
      _ = try await connect(bootstrap).get()
    } catch {
      throw RPCError(
        .unavailable, "cannot connect to \(address): \(error)", notProcessed: true)
    }
  }
}
