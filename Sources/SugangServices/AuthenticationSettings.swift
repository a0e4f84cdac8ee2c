/// Whose tokens are good; see docs/authentication.md.
public struct AuthenticationSettings: Hashable, Sendable {
  public static let defaultIssuer = "sugang"
  public static let defaultAudience = "sugang"

  /// The file with the issuer's public keys, a JWK Set.
  public var jwksFile: String
  /// What a token's `iss` must be.
  public var issuer: String
  /// What a token's `aud` must be or have.
  public var audience: String

  public init(
    jwksFile: String, issuer: String = AuthenticationSettings.defaultIssuer,
    audience: String = AuthenticationSettings.defaultAudience
  ) {
    self.jwksFile = jwksFile
    self.issuer = issuer
    self.audience = audience
  }
}
