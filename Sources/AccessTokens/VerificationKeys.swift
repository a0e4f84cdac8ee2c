import Foundation
import JSON
import JWTKit

/// The public keys of a JWK Set (RFC 7517), by their `kid`.
///
/// Each key is good for one algorithm, so that no token chooses how it is verified (RFC 8725 §3.1).
/// There are ES256, EdDSA with Ed25519, and RS256 with 2048 bits or more. Keys of other kinds, for
/// other uses or without a `kid` are passed over: a set may have them for others.
struct VerificationKeys: Sendable {
  struct Key: Sendable {
    /// What a token of this key must name in its header.
    let algorithm: String
    let verifier: any JWTAlgorithm
  }

  private static let maxBytes = 1 << 20
  /// RFC 7518 §3.3.
  private static let minModulusBytes = 256

  private let keys: [String: Key]

  subscript(id: String) -> Key? { self.keys[id] }

  /// - Throws: ``KeyFileError``.
  init(jwks bytes: [UInt8]) async throws(KeyFileError) {
    let set: JSONValue
    do {
      set = try JSONValue(parsing: bytes, limits: JSONLimits(maxBytes: Self.maxBytes))
    } catch {
      throw KeyFileError("is not JSON: \(error.reason), at byte \(error.offset)")
    }
    guard let list = set["keys"]?.array else { throw KeyFileError("has no array 'keys'") }
    var keys: [String: Key] = [:]
    for jwk in list {
      guard jwk["d"] == nil else {
        throw KeyFileError("has a private key, which belongs to the issuer alone")
      }
      guard let id = jwk["kid"]?.string, let algorithm = Self.algorithm(of: jwk) else { continue }
      guard keys[id] == nil else { throw KeyFileError("has two keys '\(id)'") }
      keys[id] = Key(algorithm: algorithm, verifier: try await Self.verifier(jwk, id, algorithm))
    }
    guard !keys.isEmpty else {
      throw KeyFileError("has no key with a 'kid' for ES256, EdDSA or RS256")
    }
    self.keys = keys
  }

  private static func algorithm(of jwk: JSONValue) -> String? {
    guard jwk["use"]?.string ?? "sig" == "sig" else { return nil }
    let algorithm: String
    switch (jwk["kty"]?.string, jwk["crv"]?.string) {
    case ("EC", "P-256"): algorithm = "ES256"
    case ("OKP", "Ed25519"): algorithm = "EdDSA"
    case ("RSA", nil): algorithm = "RS256"
    default: return nil
    }
    return jwk["alg"]?.string ?? algorithm == algorithm ? algorithm : nil
  }

  private static func verifier(
    _ jwk: JSONValue, _ id: String, _ algorithm: String
  ) async throws(KeyFileError) -> any JWTAlgorithm {
    if algorithm == "RS256" {
      let modulus = jwk["n"]?.string.flatMap { Base64URL.decode($0) } ?? []
      guard modulus.drop(while: { $0 == 0 }).count >= Self.minModulusBytes else {
        throw KeyFileError("has the RSA key '\(id)' of fewer than 2048 bits")
      }
    }
    do {
      let json = String(decoding: jwk.bytes(.compact), as: UTF8.self)
      let collection = try await JWTKeyCollection().add(jwk: JWK(json: json))
      return try await collection.getKey(for: JWKIdentifier(string: id), alg: algorithm)
    } catch {
      throw KeyFileError("has the key '\(id)', which cannot be used: \(error)")
    }
  }
}

/// Why a file with keys cannot be used.
public struct KeyFileError: Error, Hashable, Sendable {
  /// Goes on from the file's name: `is not JSON`.
  public let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}
