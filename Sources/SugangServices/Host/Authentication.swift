package import AccessTokens
import Kernel
import Logging
import ServiceLifecycle

/// Who may come in: everybody, as in the seed, or who has a token of the issuer.
package struct Authentication: Sendable {
  /// How often the file with the keys is looked at.
  private static let interval = Duration.seconds(5)

  /// nil: nobody is asked.
  let verifier: AccessTokenVerifier?

  static let off = Authentication(verifier: nil)

  /// - Throws: ``KeyFileError``.
  package init(_ settings: ServiceSettings) async throws(KeyFileError) {
    guard let authentication = settings.authentication else {
      self.verifier = nil
      return
    }
    self.verifier = try await AccessTokenVerifier(
      jwks: authentication.jwksFile,
      rules: AccessTokenVerifier.Rules(
        issuer: authentication.issuer, audience: authentication.audience),
      clock: SystemWallClock())
  }

  private init(verifier: AccessTokenVerifier?) {
    self.verifier = verifier
  }

  package var isOn: Bool { self.verifier != nil }

  /// One line that nobody overlooks, of what the answer to "who may do what?" is.
  package static func log(_ settings: ServiceSettings, to logger: Logger) {
    guard settings.authentication != nil else {
      logger.warning(
        "authentication is OFF: whoever reaches these ports may do everything in anybody's name")
      return
    }
    logger.notice("authentication is on")
    guard settings.rpcToken == nil, settings.tlsFolder == nil else { return }
    logger.warning(
      """
      the RPC ports take calls of everybody who reaches them, whom no token is asked for: set \
      SUGANG_RPC_TOKEN or --tls-directory
      """)
  }

  /// Takes up new keys while the services run.
  func watch(logger: Logger) -> RecoveryLoop? {
    guard let verifier = self.verifier else { return nil }
    return RecoveryLoop("read the keys again", every: Self.interval, logger: logger) {
      do {
        if try await verifier.reload() { logger.notice("the keys for tokens were read again") }
      } catch let error as KeyFileError {
        logger.error(
          "the new keys for tokens are not used", metadata: ["reason": "\(error.reason)"])
      }
      return Settlement(settled: 0, remaining: 0)
    }
  }
}
