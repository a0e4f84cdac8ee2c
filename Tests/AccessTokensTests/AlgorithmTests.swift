import AccessTokens
import Crypto
import CryptoExtras
import Foundation
import JSON
import Kernel
import TestSupport
import Testing

/// The algorithms that `sugang token` does not use, with keys as an authorization server has them.
@Suite("Tokens of EdDSA and RS256")
struct AlgorithmTests {
  /// A key pair of swift-crypto.
  enum Key {
    case ed25519(Curve25519.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)

    /// Those of RSA are dear to make.
    private static let rsaKeys = Result {
      try (0..<3).map { _ in try _RSA.Signing.PrivateKey(keySize: .bits2048) }
    }

    /// Three different ones.
    static func three(_ algorithm: String) throws -> [Key] {
      algorithm == "EdDSA"
        ? (0..<3).map { _ in .ed25519(Curve25519.Signing.PrivateKey()) }
        : try self.rsaKeys.get().map { .rsa($0) }
    }

    /// RFC 8037 §2, RFC 7518 §6.3.1.
    func publicMembers() throws -> [String: String] {
      switch self {
      case .ed25519(let key):
        return ["kty": "OKP", "crv": "Ed25519", "x": base64URL(key.publicKey.rawRepresentation)]
      case .rsa(let key):
        let numbers = try key.publicKey.getKeyPrimitives()
        return [
          "kty": "RSA", "n": base64URL(numbers.modulus), "e": base64URL(numbers.publicExponent),
        ]
      }
    }

    /// RFC 8037 §3.1, RFC 7518 §3.3.
    func signature(of bytes: Data) throws -> Data {
      switch self {
      case .ed25519(let key): return try key.signature(for: bytes)
      case .rsa(let key):
        return try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
          .rawRepresentation
      }
    }

    func token(_ algorithm: String, _ id: String, sub: String = "john-doe") throws -> String {
      let seconds = Clock().now().microseconds / 1_000_000
      let header: JSONValue = ["alg": .string(algorithm), "typ": "at+jwt", "kid": .string(id)]
      let claims: JSONValue = [
        "iss": "issuer", "aud": "sugang", "sub": .string(sub), "exp": .integer(seconds + 60),
        "roles": ["instructor"],
      ]
      let signed = "\(base64URL(header.bytes(.compact))).\(base64URL(claims.bytes(.compact)))"
      return "\(signed).\(base64URL(try self.signature(of: Data(signed.utf8))))"
    }
  }

  private struct KeyOfAnotherKind: Error {}

  private let folder: TemporaryFolder

  init() throws {
    self.folder = try TemporaryFolder()
  }

  @Test(
    "a good token is taken, one of another key of the same algorithm is not",
    arguments: ["EdDSA", "RS256"], [true, false])
  func verifies(_ algorithm: String, namedInKey: Bool) async throws {
    let keys = try Key.three(algorithm)
    let key = keys[0]
    let verifier = try await self.verifier([
      "mine": (key, namedInKey ? algorithm : nil),
      "other": (keys[1], namedInKey ? algorithm : nil),
    ])
    let token = try key.token(algorithm, "mine")
    #expect(
      try await verifier.subject(of: token) == Subject(name: "john-doe", roles: [.instructor]))
    // Of a key that the set has, under another's name; and of one that it has not.
    let misnamed = try key.token(algorithm, "other")
    #expect(await refusal(verifier, misnamed) == "the signature is wrong")
    let forged = try keys[2].token(algorithm, "mine")
    #expect(await refusal(verifier, forged) == "the signature is wrong")
    let parts = token.split(separator: ".")
    let admin = try key.token(algorithm, "mine", sub: "admin").split(separator: ".")
    let mixed = "\(parts[0]).\(admin[1]).\(parts[2])"
    #expect(await refusal(verifier, mixed) == "the signature is wrong")
    let cut = "\(parts[0]).\(parts[1]).\(parts[2].prefix(80))"
    #expect(await refusal(verifier, cut) == "the signature is wrong")
  }

  @Test("one set has keys of both; a token is verified as its key says, whatever it names")
  func mixed() async throws {
    let (ed25519, rsa) = (try Key.three("EdDSA")[0], try Key.three("RS256")[0])
    let verifier = try await self.verifier(["ed": (ed25519, nil), "rsa": (rsa, nil)])
    #expect(await refusal(verifier, try ed25519.token("EdDSA", "ed")) == nil)
    #expect(await refusal(verifier, try rsa.token("RS256", "rsa")) == nil)
    let wrong = "the token names an algorithm that is not its key's"
    #expect(await refusal(verifier, try rsa.token("RS256", "ed")) == wrong)
    #expect(await refusal(verifier, try ed25519.token("EdDSA", "rsa")) == wrong)
    for algorithm in ["RS384", "PS256", "ES256", "HS256"] {
      #expect(await refusal(verifier, try rsa.token(algorithm, "rsa")) == wrong)
    }
    let renamed = try rsa.token("EdDSA", "ed")
    #expect(await refusal(verifier, renamed) == "the signature is wrong")
  }

  @Test("RSA's other padding is no signature of RS256")
  func padding() async throws {
    let mine = try Key.three("RS256")[0]
    guard case .rsa(let key) = mine else { throw KeyOfAnotherKind() }
    let verifier = try await self.verifier(["mine": (mine, "RS256")])
    let token = try mine.token("RS256", "mine")
    let signed = token.prefix { $0 != "." } + "." + token.split(separator: ".")[1]
    let pss = try key.signature(for: SHA256.hash(data: Data(signed.utf8)), padding: .PSS)
    let other = "\(signed).\(base64URL(pss.rawRepresentation))"
    #expect(await refusal(verifier, other) == "the signature is wrong")
  }

  /// - Parameter keys: by `kid`, with the `alg` of the key, if it shall have one.
  private func verifier(
    _ keys: [String: (key: Key, algorithm: String?)]
  ) async throws -> AccessTokenVerifier {
    let jwks = try keys.map { id, entry -> JSONValue in
      var members = try entry.key.publicMembers()
      members["kid"] = id
      members["alg"] = entry.algorithm
      return .object(JSONObject(members.map { .init($0.key, .string($0.value)) }))
    }
    let path = self.folder.path + "/jwks.json"
    let set: JSONValue = ["keys": .array(jwks)]
    try Data(set.bytes()).write(to: URL(filePath: path))
    return try await AccessTokenVerifier(
      jwks: path, rules: AccessTokenVerifier.Rules(issuer: "issuer", audience: "sugang"),
      clock: Clock())
  }
}

/// RFC 7515 §2.
private func base64URL(_ bytes: some Sequence<UInt8>) -> String {
  Data(bytes).base64EncodedString()
    .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
