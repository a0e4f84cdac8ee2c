import AccessTokens
import Foundation
import JSON
import Kernel
import Synchronization
import TestSupport
import Testing

@Suite("Access tokens")
struct AccessTokenVerifierTests {
  private static let rules = AccessTokenVerifier.Rules(issuer: "issuer", audience: "sugang")
  private static let now = Timestamp(microseconds: 1_772_409_600_000_000)
  private static let seconds: Int64 = 1_772_409_600
  private static let subject = Subject(name: "김순희", roles: [.student, .operator])

  private let folder: TemporaryFolder
  private let key = SigningKey()
  private let clock = Clock()

  init() throws {
    self.folder = try TemporaryFolder()
  }

  @Test("says whose a token is, with the roles that are known here")
  func accepts() async throws {
    let verifier = try await self.verifier()
    let token = try self.key.token(
      for: Self.subject, Self.rules, at: Self.now, lifetime: 60)
    #expect(try await verifier.subject(of: token) == Self.subject)
    let other = try self.key.sign(
      Self.claims(["aud": ["x", "sugang"], "roles": ["student", "gardener", 7], "nbf": nil]))
    #expect(
      try await verifier.subject(of: other) == Subject(name: "john-doe", roles: [.student]))
    #expect(
      try await verifier.subject(of: self.key.sign(Self.claims(["roles": nil])))
        == Subject(name: "john-doe", roles: []))
  }

  @Test("a token holds from nbf to exp, give or take the skew")
  func times() async throws {
    let verifier = try await self.verifier()
    let token = try self.key.token(for: Self.subject, Self.rules, at: Self.now, lifetime: 60)
    let skew = Int64(AccessTokenVerifier.skewSeconds)
    for (offset, reason) in [
      (-skew - 1, "the token is not valid yet"), (-skew, nil), (0, nil), (59 + skew, nil),
      (60 + skew, "the token has expired"),
    ] as [(Int64, String?)] {
      self.clock.time.withLock { $0 = Self.now.adding(seconds: offset) }
      #expect(await refusal(verifier, token) == reason, "\(offset)")
    }
  }

  @Test(
    "refuses claims that are not for here",
    arguments: [
      (["exp": nil], "exp is missing"), (["exp": "1e99"], "exp is missing"),
      (["exp": .integer(Self.seconds - 3600)], "the token has expired"),
      (["nbf": .integer(Self.seconds + 3600)], "the token is not valid yet"),
      (["nbf": "soon"], "the token is not valid yet"),
      (["iss": "somebody"], "the token is of another issuer"),
      (["iss": nil], "the token is of another issuer"),
      (["aud": "other"], "the token is for another audience"),
      (["aud": nil], "the token is for another audience"),
      (["aud": ["other"]], "the token is for another audience"),
      (["sub": nil], "sub is no name of 1 to 100 characters"),
      (["sub": ""], "sub is no name of 1 to 100 characters"),
      (["sub": "a\n"], "sub is no name of 1 to 100 characters"),
      (["roles": "operator"], "roles is no array"),
    ] as [([String: JSONValue?], String)])
  func claims(_ changes: [String: JSONValue?], _ reason: String) async throws {
    let token = try self.key.sign(Self.claims(changes))
    #expect(await refusal(try await self.verifier(), token) == reason)
  }

  @Test(
    "the key alone says the algorithm",
    arguments: [
      (["alg": "none"], "the token names an algorithm that is not its key's"),
      (["alg": "HS256"], "the token names an algorithm that is not its key's"),
      (["alg": "RS256"], "the token names an algorithm that is not its key's"),
      (["alg": nil], "the token names an algorithm that is not its key's"),
      (["kid": nil], "the token names no key"),
      (["kid": "other"], "the token names a key that is not known"),
      (["crit": ["b64"]], "the token has extensions that are not known here"),
      (["typ": "logout+jwt"], "the token is of another type"),
      (["typ": "AT+JWT"], nil), (["typ": nil], nil),
      (["x": .number("1e308")], nil),
    ] as [([String: JSONValue?], String?)])
  func headers(_ changes: [String: JSONValue?], _ reason: String?) async throws {
    let header = Self.changed(
      ["alg": "ES256", "typ": "JWT", "kid": .string(self.key.id)], changes)
    let token = try self.key.sign(Self.claims([:]), header: header)
    #expect(await refusal(try await self.verifier(), token) == reason)
  }

  @Test("a token without a signature, or with another's, is refused")
  func signatures() async throws {
    let verifier = try await self.verifier()
    let token = try self.key.sign(Self.claims([:]))
    #expect(await refusal(verifier, token) == nil)
    let parts = token.split(separator: ".").map(String.init)
    let forged = try SigningKey().sign(
      Self.claims([:]), header: ["alg": "ES256", "kid": .string(self.key.id)])
    #expect(await refusal(verifier, forged) == "the signature is wrong")
    let other = try self.key.sign(Self.claims(["sub": "admin"])).split(separator: ".")
    let mixed = "\(parts[0]).\(other[1]).\(parts[2])"
    #expect(await refusal(verifier, mixed) == "the signature is wrong")
    #expect(await refusal(verifier, "\(parts[0]).\(parts[1]).") == "the signature is wrong")
    for text in ["", "a", "a.b", token + ".x", token + "=", "..", "\(parts[0])..\(parts[2])"] {
      #expect(await refusal(verifier, text) != nil, "\(text)")
    }
    let long = String(repeating: "a", count: AccessTokenVerifier.maxBytes + 1)
    #expect(await refusal(verifier, long) == "the token is too long")
  }

  @Test("keys are taken up when the file changes; a broken file changes nothing")
  func reloads() async throws {
    let verifier = try await self.verifier()
    #expect(try await !verifier.reload())
    let next = SigningKey()
    let token = try next.sign(Self.claims([:]))
    #expect(await refusal(verifier, token) == "the token names a key that is not known")
    try self.write("{")
    await #expect(throws: KeyFileError.self) { try await verifier.reload() }
    #expect(await refusal(verifier, try self.key.sign(Self.claims([:]))) == nil)
    try self.write(String(decoding: next.jwks.bytes(), as: UTF8.self))
    #expect(try await verifier.reload())
    #expect(await refusal(verifier, token) == nil)
    #expect(await refusal(verifier, try self.key.sign(Self.claims([:]))) != nil)
  }

  @Test(
    "a file without usable public keys is refused",
    arguments: [
      "", "[]", #"{"keys":[]}"#,
      #"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0"}]}"#,
      #"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}"#,
      #"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AA","d":"AA"}]}"#,
      #"{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}"#,
    ])
  func keyFiles(_ text: String) async throws {
    try self.write(text)
    await #expect(throws: KeyFileError.self) { try await self.verifier(writing: false) }
  }

  // MARK: Parts

  private var path: String { self.folder.path + "/jwks.json" }

  private func write(_ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: self.path))
  }

  private func verifier(writing: Bool = true) async throws -> AccessTokenVerifier {
    if writing { try self.write(String(decoding: self.key.jwks.bytes(), as: UTF8.self)) }
    return try await AccessTokenVerifier(
      jwks: self.path, rules: Self.rules, clock: self.clock)
  }

  private static func claims(_ changes: [String: JSONValue?]) -> JSONValue {
    self.changed(
      [
        "iss": "issuer", "aud": "sugang", "sub": "john-doe", "nbf": .integer(self.seconds),
        "exp": .integer(self.seconds + 60), "roles": ["student"],
      ], changes)
  }

  /// nil takes a member away.
  private static func changed(
    _ members: [String: JSONValue], _ changes: [String: JSONValue?]
  ) -> JSONValue {
    let all = members.map { ($0.key, Optional($0.value)) }
    let changed = Dictionary(all + changes.map { ($0.key, $0.value) }) { $1 }
    return .object(
      JSONObject(changed.compactMap { name, value in value.map { .init(name, $0) } }))
  }
}

/// Stands still until a test moves it.
final class Clock: WallClock {
  let time = Mutex(Timestamp(microseconds: 1_772_409_600_000_000))

  func now() -> Timestamp { self.time.withLock { $0 } }
}
