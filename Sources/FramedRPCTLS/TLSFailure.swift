import NIOSSL

/// Why a TLS connection did not come about or ended, in words.
struct TLSFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }

  /// Nil when the error is not one of TLS.
  init?(of error: any Error) {
    switch error {
    case NIOSSLError.uncleanShutdown:
      self.init("the peer closed it without ending TLS")
    case NIOSSLError.handshakeFailed(.sslError(let stack)) where stack == [.eofDuringHandshake]:
      self.init("the peer closed it during the TLS handshake")
    case is NIOSSLError, is BoringSSLError:
      self.init(codeOf: "\(error)")
    case is NIOSSLCloseTimedOutError:
      self.init("the peer did not end TLS in time")
    default: return nil
    }
  }

  /// What BoringSSL calls an error, and what it means.
  private static let meanings = [
    // Found here.
    ("CERTIFICATE_VERIFY_FAILED", "the peer's certificate is not from a trusted authority"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the peer showed no certificate"),
    ("UNSUPPORTED_PROTOCOL", "the peer does not speak TLS 1.3"),
    ("NO_SUPPORTED_VERSIONS_ENABLED", "the peer does not speak TLS 1.3"),
    ("WRONG_VERSION_NUMBER", "the peer does not speak TLS"),
    // Told by the peer.
    ("ALERT_CERTIFICATE_REQUIRED", "the peer requires a certificate"),
    ("ALERT_UNKNOWN_CA", "the peer does not trust the authority of this end's certificate"),
    ("ALERT_CERTIFICATE_EXPIRED", "the peer says that this end's certificate has expired"),
    ("ALERT_BAD_CERTIFICATE", "the peer does not accept this end's certificate"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the peer does not accept this end's certificate"),
    ("ALERT_PROTOCOL_VERSION", "the peer does not speak TLS 1.3"),
  ]

  private init(codeOf text: String) {
    if let meaning = Self.meanings.first(where: { text.contains($0.0) }) {
      self.init("TLS: \(meaning.1)")
    } else {
      // `error:10000438:SSL routines:OPENSSL_internal:TLSV1_ALERT_INTERNAL_ERROR at …`
      let code = text.split(separator: "OPENSSL_internal:").last ?? text[...]
      self.init("TLS: \(code.prefix { !$0.isWhitespace })")
    }
  }
}
