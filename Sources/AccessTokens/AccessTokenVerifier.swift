import Foundation
import JSON
import JWTKit
import Kernel
import Synchronization

/// Verifies access tokens: JSON Web Tokens (RFC 7519) signed by a key of a JWK Set, after the
/// current practices of RFC 8725.
package final class AccessTokenVerifier: TokenVerifier {
  /// Whose tokens for whom.
  package struct Rules: Hashable, Sendable {
    /// What `iss` must be.
    package let issuer: String
    /// What `aud` must be or have.
    package let audience: String

    package init(issuer: String, audience: String) {
      self.issuer = issuer
      self.audience = audience
    }
  }

  /// How far the clocks of the issuer and of this machine may be apart, in seconds.
  package static let skewSeconds: Double = 30
  /// Longest token, in bytes.
  package static let maxBytes = 8 * 1024
  private static let nameRule = TextRule("sub", length: 1...Subject.maxNameLength)

  private struct State {
    var bytes: [UInt8]
    var keys: VerificationKeys
  }

  private let path: String
  private let rules: Rules
  private let clock: any WallClock
  private let state: Mutex<State>

  /// - Parameter path: of a JWK Set.
  /// - Throws: ``KeyFileError``.
  package init(
    jwks path: String, rules: Rules, clock: any WallClock
  ) async throws(KeyFileError) {
    let bytes = try Self.read(path)
    self.path = path
    self.rules = rules
    self.clock = clock
    let keys = try await VerificationKeys(jwks: bytes)
    self.state = Mutex(State(bytes: bytes, keys: keys))
  }

  /// Takes up the keys of the file when it has changed.
  ///
  /// - Returns: Whether it had.
  /// - Throws: ``KeyFileError``; the keys of before stay.
  package func reload() async throws(KeyFileError) -> Bool {
    let bytes = try Self.read(self.path)
    guard self.state.withLock({ $0.bytes != bytes }) else { return false }
    let keys = try await VerificationKeys(jwks: bytes)
    self.state.withLock { $0 = State(bytes: bytes, keys: keys) }
    return true
  }

  private static func read(_ path: String) throws(KeyFileError) -> [UInt8] {
    do {
      return Array(try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw KeyFileError("cannot be read; does it exist?")
    }
  }

  // MARK: Tokens

  package func subject(of token: String) async throws -> Subject {
    guard token.utf8.count <= Self.maxBytes else { throw InvalidToken("the token is too long") }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Self.object(parts[0]),
      let signature = Base64URL.decode(parts[2])
    else { throw InvalidToken("the token is no signed JSON Web Token") }
    let key = try self.key(for: header)
    let signed = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    // What the verifier throws is about the signature's form.
    guard (try? key.verifier.verify(signature, signs: signed)) == true else {
      throw InvalidToken("the signature is wrong")
    }
    guard let claims = Self.object(parts[1]) else {
      throw InvalidToken("the claims are no JSON object")
    }
    try self.check(claims)
    return try Self.subject(claims)
  }

  private static func object(_ part: Substring) -> JSONObject? {
    guard let bytes = Base64URL.decode(part) else { return nil }
    let limits = JSONLimits(maxBytes: self.maxBytes, maxDepth: 16, maxMembers: 512)
    return (try? JSONValue(parsing: bytes, limits: limits))?.object
  }

  private func key(for header: JSONObject) throws -> VerificationKeys.Key {
    guard header["crit"] == nil else {
      throw InvalidToken("the token has extensions that are not known here")
    }
    if let type = header["typ"] {
      // RFC 7519 §5.1, RFC 9068 §2.1.
      guard let name = type.string?.lowercased(),
        ["jwt", "at+jwt", "application/at+jwt"].contains(name)
      else { throw InvalidToken("the token is of another type") }
    }
    guard let id = header["kid"]?.string else { throw InvalidToken("the token names no key") }
    guard let key = self.state.withLock({ $0.keys[id] }) else {
      throw InvalidToken("the token names a key that is not known")
    }
    guard header["alg"]?.string == key.algorithm else {
      throw InvalidToken("the token names an algorithm that is not its key's")
    }
    return key
  }

  private func check(_ claims: JSONObject) throws {
    let now = Double(self.clock.now().microseconds) / 1_000_000
    guard let expiry = Self.time(claims["exp"]) else { throw InvalidToken("exp is missing") }
    guard now < expiry + Self.skewSeconds else { throw InvalidToken("the token has expired") }
    if let claim = claims["nbf"] {
      guard let start = Self.time(claim), start <= now + Self.skewSeconds else {
        throw InvalidToken("the token is not valid yet")
      }
    }
    guard claims["iss"]?.string == self.rules.issuer else {
      throw InvalidToken("the token is of another issuer")
    }
    let audience = claims["aud"]
    guard
      audience?.string == self.rules.audience
        || audience?.array?.contains(.string(self.rules.audience)) == true
    else { throw InvalidToken("the token is for another audience") }
  }

  /// Seconds since 1970, perhaps with a fraction.
  private static func time(_ claim: JSONValue?) -> Double? {
    guard case .number(let text)? = claim, let seconds = Double(text), seconds.isFinite else {
      return nil
    }
    return seconds
  }

  private static func subject(_ claims: JSONObject) throws -> Subject {
    guard let name = claims["sub"]?.string, self.nameRule.check(name) == nil else {
      throw InvalidToken("sub is no name of 1 to \(Subject.maxNameLength) characters")
    }
    var roles: Set<Role> = []
    if let claim = claims["roles"] {
      guard let names = claim.array else { throw InvalidToken("roles is no array") }
      // Those of other systems say nothing here.
      roles = Set(names.compactMap { $0.string.flatMap(Role.init(rawValue:)) })
    }
    return Subject(name: name, roles: roles)
  }
}
