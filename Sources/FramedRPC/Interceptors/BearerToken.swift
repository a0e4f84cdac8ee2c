/// Sends a bearer token with every call that brings none of its own (RFC 6750 §2.1: metadata
/// `authorization: Bearer …`).
///
/// FramedRPC does not encrypt: whoever can read the network can read the token.
public struct BearerToken: ClientInterceptor {
  static let metadataKey = "authorization"

  private let token: @Sendable (ClientCall) async throws -> String?

  /// - Parameter token: asked for each call, nil sends none. What it throws, if it is no
  ///   ``RPCError``, fails the call as UNAUTHENTICATED without effect.
  public init(_ token: @escaping @Sendable (ClientCall) async throws -> String?) {
    self.token = token
  }

  /// The same token for all calls.
  public init(_ token: String) {
    self.init { _ in token }
  }

  public func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard call.options.metadata.values(of: Self.metadataKey).isEmpty,
      let token = try await self.token(for: call)
    else { return try await next(call) }
    var call = call
    try call.options.setBearerToken(token)
    return try await next(call)
  }

  private func token(for call: ClientCall) async throws -> String? {
    do {
      return try await self.token(call)
    } catch let error as RPCError {
      throw error
    } catch let error as CancellationError {
      throw error
    } catch {
      throw RPCError(
        .unauthenticated, "there is no token to send: \(error)", reason: "no-token",
        notProcessed: true)
    }
  }

  /// Whether a text is `b64token` of RFC 6750: the only ones that travel.
  public static func isToken(_ text: String) -> Bool {
    let body = text.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
    return !body.isEmpty
      && body.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
          UInt8(ascii: "+"), UInt8(ascii: "/"):
          true
        default: false
        }
      }
  }
}

extension CallOptions {
  /// Sends this token with the call, whatever the channel sends otherwise.
  ///
  /// - Throws: ``RPCError`` UNAUTHENTICATED without effect, for what is no token.
  public mutating func setBearerToken(_ token: String) throws(RPCError) {
    guard BearerToken.isToken(token) else {
      throw RPCError(
        .unauthenticated, "the token has characters that no bearer token has",
        reason: "malformed-token", notProcessed: true)
    }
    try self.metadata.set(BearerToken.metadataKey, "Bearer \(token)")
  }
}
