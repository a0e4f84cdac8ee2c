import FramedRPC
import NIOCore
import NIOSSL
import NIOTLS

/// The innermost handler of TLS: FramedRPC hears of the channel when the handshake is over and the
/// peer's certificate has a right name, and reads errors in words.
final class TLSGate: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Admission {
    case client(serverName: String)
    case server(TLSServer.Clients)
  }

  private let admission: Admission
  private let phase: TLSPhase
  private let timeout: TimeAmount
  private let onRefused: @Sendable (_ address: String, _ reason: String) -> Void
  private var timer: Scheduled<Void>?
  private var hasFailed = false

  init(
    admission: Admission, phase: TLSPhase, timeout: TimeAmount,
    onRefused: @escaping @Sendable (_ address: String, _ reason: String) -> Void = { _, _ in }
  ) {
    self.admission = admission
    self.phase = phase
    self.timeout = timeout
    self.onRefused = onRefused
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { self.startTimer(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    self.startTimer(context)
  }

  private func startTimer(_ context: ChannelHandlerContext) {
    guard self.timer == nil else { return }
    let loop = context.eventLoop.assumeIsolated()
    self.timer = loop.scheduleTask(in: self.timeout) {
      let limit = Double(self.timeout.nanoseconds) / 1e9
      self.fail(context, TLSFailure("the TLS handshake took longer than \(limit) s"))
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.timer?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard self.phase.isOpen else { return }
    context.fireChannelRead(data)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent, !self.hasFailed {
      self.handshakeCompleted(context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    self.fail(context, TLSFailure(of: error) ?? error)
  }

  private func handshakeCompleted(_ context: ChannelHandlerContext) {
    self.timer?.cancel()
    let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
    let identity = certificate.map(TLSIdentity.names(of:)) ?? []
    do throws(TLSFailure) {
      try self.admit(identity)
    } catch {
      return self.turnAway(context, error)
    }
    self.phase.isOpen = true
    context.fireUserInboundEventTriggered(
      RPCPeer(
        address: RPCPeer.text(context.channel.remoteAddress), identity: identity, isTLS: true))
    context.fireChannelActive()
  }

  private func admit(_ identity: [String]) throws(TLSFailure) {
    let shown = identity.isEmpty ? "nobody" : identity.joined(separator: ", ")
    switch self.admission {
    case .client(let serverName):
      guard TLSIdentity.has(identity, serverName) else {
        throw TLSFailure("the server's certificate is for \(shown), not for \(serverName)")
      }
    case .server(.named(let names)):
      guard names.contains(where: { TLSIdentity.has(identity, $0) }) else {
        throw TLSFailure("this server takes no calls of \(shown)")
      }
    case .server(.anyone), .server(.verified): break
    }
  }

  /// By a server inside TLS, so that the client can say why; a client says nothing to whom it does
  /// not know.
  private func turnAway(_ context: ChannelHandlerContext, _ failure: TLSFailure) {
    if case .server = self.admission {
      var bytes = ByteBuffer()
      GoAway(acceptedCalls: 0, reason: .notPermitted, message: failure.description)
        .write(into: &bytes)
      context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }
    self.fail(context, failure)
    context.close(promise: nil)
  }

  private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
    self.timer?.cancel()
    if !self.phase.isOpen, !self.hasFailed {
      self.hasFailed = true
      self.onRefused(RPCPeer.text(context.channel.remoteAddress), "\(error)")
    }
    context.fireErrorCaught(error)
  }
}

/// The names in a certificate.
enum TLSIdentity {
  /// DNS names in lower case and URIs. What is no DNS name by its characters is left out, so that
  /// none can look like a URI.
  static func names(of certificate: NIOSSLCertificate) -> [String] {
    certificate._subjectAlternativeNames().compactMap { name in
      guard let text = String(validating: name.contents, as: UTF8.self) else { return nil }
      switch name.nameType {
      case .dnsName where text.utf8.allSatisfy(Self.isInDNSName): return text.lowercased()
      case .uri where text.contains(":"): return text
      default: return nil
      }
    }
  }

  static func has(_ identity: [String], _ name: String) -> Bool {
    identity.contains(name.contains(":") ? name : name.lowercased())
  }

  private static func isInDNSName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
