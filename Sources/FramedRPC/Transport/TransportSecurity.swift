public import NIOCore

/// What makes a connection's bytes secret and says who is at the other end, such as TLS.
///
/// In-process connections have none.
public protocol TransportSecurity: Sendable {
  /// Puts handlers at the end of `channel`'s pipeline; FramedRPC's own comes behind them.
  ///
  /// They hold `channelActive` back until the peer is known and may be talked to, and send an
  /// ``RPCPeer`` as a user inbound event just before it. A handshake that fails, or takes longer
  /// than `handshakeTimeout`, is an error that they send along the pipeline; its description reaches
  /// the caller. Closing the output must first send what was written and tell the peer that this is
  /// the end.
  ///
  /// Called on the channel's event loop; must not block. A server's channel is not active yet; a
  /// client's is, and may still tell so afterwards: the handshake begins with whichever they see
  /// first, an active channel when they are added to it or `channelActive`.
  func secure(_ channel: any Channel, handshakeTimeout: TimeAmount) throws
}

/// The client's side.
public protocol ClientSecurity: TransportSecurity {}

/// The server's side.
public protocol ServerSecurity: TransportSecurity {}
