import ArgumentParser
import Configuration
import SugangServices

/// Whose tokens are good.
struct AuthenticationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Ask every REST caller for a bearer token signed by a key of this JWK Set, see \
      docs/authentication.md (SUGANG_AUTH_JWKS; default: nobody is asked).
      """,
      valueName: "file"))
  var authJwks: String?

  @Option(
    help: ArgumentHelp(
      "Who must have issued tokens (SUGANG_AUTH_ISSUER; default: sugang).", valueName: "issuer"))
  var authIssuer: String?

  @Option(
    help: ArgumentHelp(
      "Whom tokens must be for (SUGANG_AUTH_AUDIENCE; default: sugang).", valueName: "audience"))
  var authAudience: String?

  static let textKeys = ["authAudience", "authIssuer", "authJwks"]

  /// What the flags say.
  var values: [AbsoluteConfigKey: ConfigValue] {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    values["authJwks"] = self.authJwks.map { ConfigValue(.string($0), isSecret: false) }
    values["authIssuer"] = self.authIssuer.map { ConfigValue(.string($0), isSecret: false) }
    values["authAudience"] = self.authAudience.map { ConfigValue(.string($0), isSecret: false) }
    return values
  }

  /// What all sources together say; nil when authentication is off.
  ///
  /// - Parameter text: how to read a setting, when it is not set by its default.
  static func settings(
    text: (ConfigKey, String) async throws -> String
  ) async throws -> AuthenticationSettings? {
    let file = try await text("authJwks", "")
    let issuer = try await text("authIssuer", "")
    let audience = try await text("authAudience", "")
    guard !file.isEmpty else {
      guard issuer.isEmpty, audience.isEmpty else {
        throw CommandFailure("an issuer or an audience of tokens is of no use without --auth-jwks")
      }
      return nil
    }
    return AuthenticationSettings(
      jwksFile: file,
      issuer: issuer.isEmpty ? AuthenticationSettings.defaultIssuer : issuer,
      audience: audience.isEmpty ? AuthenticationSettings.defaultAudience : audience)
  }

  /// The flags that say the same.
  static func flags(_ settings: AuthenticationSettings?) -> [String] {
    guard let settings else { return [] }
    return [
      "--auth-jwks", settings.jwksFile, "--auth-issuer", settings.issuer, "--auth-audience",
      settings.audience,
    ]
  }

  /// Tokens are asked for at the REST ports. Off this machine the RPC ports must not be open beside
  /// them.
  static func check(_ services: ServiceSettings) throws(CommandFailure) {
    let isLocal =
      services.host == "localhost" || services.host == "::1"
      || services.host.hasPrefix("127.")
    guard services.authentication != nil, !isLocal, services.rpcToken == nil,
      services.tlsFolder == nil
    else { return }
    throw CommandFailure(
      """
      --auth-jwks at \(services.host) leaves the RPC ports open to everybody who reaches them
        set \(RPCToken.variable) or --tls-directory
      """)
  }
}
