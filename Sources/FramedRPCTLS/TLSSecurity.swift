public import FramedRPC
public import NIOCore
import NIOSSL

/// TLS 1.3 for an ``RPCServer``.
public struct TLSServer: ServerSecurity {
  /// Whose calls are taken.
  public enum Clients: Hashable, Sendable {
    /// Anybody's; no certificate is asked for, and ``RPCPeer/identity`` is empty.
    case anyone
    /// Of those who show a certificate of the roots.
    case verified
    /// Of those whose certificate also has one of these names: DNS (`pay`) or URI
    /// (`spiffe://sugang/pay`).
    case named(Set<String>)
  }

  private let credentials: TLSCredentials
  private let clients: Clients
  private let onRefused: @Sendable (_ address: String, _ reason: String) -> Void

  /// - Parameters:
  ///   - credentials: with a certificate and a key.
  ///   - onRefused: told of every connection that did not come about, and why, on its event loop:
  ///     for a log.
  public init(
    _ credentials: TLSCredentials, clients: Clients,
    onRefused: @escaping @Sendable (_ address: String, _ reason: String) -> Void = { _, _ in }
  ) {
    precondition(credentials.files.certificate != nil, "a server needs a certificate")
    self.credentials = credentials
    self.clients = clients
    self.onRefused = onRefused
  }

  public func secure(_ channel: any Channel, handshakeTimeout: TimeAmount) throws {
    let contexts = self.credentials.contexts
    let requiresCertificate = self.clients != .anyone
    guard let context = requiresCertificate ? contexts.mutualServer : contexts.server else {
      throw TLSFailure("this server has no certificate")
    }
    let phase = TLSPhase()
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(TLSDoor(side: .server, phase: phase))
    try pipeline.addHandler(NIOSSLServerHandler(context: context))
    try pipeline.addHandler(
      TLSGate(
        admission: .server(self.clients), phase: phase, timeout: handshakeTimeout,
        onRefused: self.onRefused))
  }
}

/// TLS 1.3 for an ``RPCClient``.
public struct TLSClient: ClientSecurity {
  private let credentials: TLSCredentials
  private let serverName: String

  /// - Parameters:
  ///   - credentials: with a certificate and a key when the server asks for them.
  ///   - serverName: a name that the server's certificate must have, whatever address is dialled:
  ///     DNS (`pay`; not case-sensitive, no wildcards) or URI (`spiffe://sugang/pay`; exactly).
  public init(_ credentials: TLSCredentials, serverName: String) {
    self.credentials = credentials
    self.serverName = serverName
  }

  public func secure(_ channel: any Channel, handshakeTimeout: TimeAmount) throws {
    let context = self.credentials.contexts.client
    let phase = TLSPhase()
    let pipeline = channel.pipeline.syncOperations
    try pipeline.addHandler(TLSDoor(side: .client, phase: phase))
    try pipeline.addHandler(self.handler(context))
    try pipeline.addHandler(
      TLSGate(
        admission: .client(serverName: self.serverName), phase: phase, timeout: handshakeTimeout))
  }

  /// Announces the name (RFC 6066, section 3) where it can be a host's.
  private func handler(_ context: NIOSSLContext) throws -> NIOSSLClientHandler {
    if !self.serverName.contains(":"),
      let handler = try? NIOSSLClientHandler(context: context, serverHostname: self.serverName)
    {
      return handler
    }
    return try NIOSSLClientHandler(context: context, serverHostname: nil)
  }
}
