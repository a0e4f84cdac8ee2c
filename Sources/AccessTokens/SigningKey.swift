import Crypto
import Foundation
import JSON
import Kernel

/// A key pair of ES256 that makes tokens, for development and tests. In production an authorization
/// server has the private key, and nobody else.
package struct SigningKey: Sendable {
  private let key: P256.Signing.PrivateKey
  /// The thumbprint of RFC 7638.
  package let id: String

  package init() {
    self.init(P256.Signing.PrivateKey())
  }

  /// - Throws: ``KeyFileError``.
  package init(pem: String) throws(KeyFileError) {
    do {
      self.init(try P256.Signing.PrivateKey(pemRepresentation: pem))
    } catch {
      throw KeyFileError("is no private key of P-256 in PEM")
    }
  }

  private init(_ key: P256.Signing.PrivateKey) {
    self.key = key
    let (x, y) = Self.coordinates(key)
    let members = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
    self.id = Base64URL.encode(Data(SHA256.hash(data: Data(members.utf8))))
  }

  private static func coordinates(_ key: P256.Signing.PrivateKey) -> (x: String, y: String) {
    // SEC 1 §2.3.3: 04, x, y.
    let point = Array(key.publicKey.x963Representation)
    return (Base64URL.encode(point[1..<33]), Base64URL.encode(point[33..<65]))
  }

  package var pem: String { self.key.pemRepresentation }

  /// The public half, as a JWK.
  package var jwk: JSONValue {
    let (x, y) = Self.coordinates(self.key)
    return [
      "kty": "EC", "crv": "P-256", "x": .string(x), "y": .string(y), "kid": .string(self.id),
      "alg": "ES256", "use": "sig",
    ]
  }

  package var jwks: JSONValue { ["keys": .array([self.jwk])] }

  /// - Parameters:
  ///   - now: when it becomes valid.
  ///   - lifetime: in seconds.
  package func token(
    for subject: Subject, _ rules: AccessTokenVerifier.Rules, at now: Timestamp, lifetime: Int64
  ) throws -> String {
    let start = now.microseconds / 1_000_000
    return try self.sign([
      "iss": .string(rules.issuer), "aud": .string(rules.audience),
      "sub": .string(subject.name),
      "roles": .array(subject.roles.map(\.rawValue).sorted().map { .string($0) }),
      "iat": .integer(start), "nbf": .integer(start), "exp": .integer(start + lifetime),
    ])
  }

  /// - Parameter header: instead of the usual one.
  package func sign(_ claims: JSONValue, header: JSONValue? = nil) throws -> String {
    let header = header ?? ["alg": "ES256", "typ": "JWT", "kid": .string(self.id)]
    let signed =
      Base64URL.encode(header.bytes(.compact)) + "." + Base64URL.encode(claims.bytes(.compact))
    let signature = try self.key.signature(for: Data(signed.utf8))
    return signed + "." + Base64URL.encode(signature.rawRepresentation)
  }
}
