/// Lets only calls with a valid bearer token through, and tells the handler who makes them.
///
/// A call without a token, with more than one or with one that is not valid gets UNAUTHENTICATED.
/// The token is taken out of the metadata, so that neither handlers nor logs behind this one see
/// it.
public struct BearerAuthentication: ServerInterceptor {
  private let exempt: Set<String>
  private let identify: @Sendable (String, ServerCall) async throws -> RPCPrincipal?

  /// - Parameters:
  ///   - exempt: methods that anybody may call: `framedrpc.v1.HealthService/Check`.
  ///   - identify: whose token it is, nil when it is nobody's. Throws ``RPCError``
  ///     PERMISSION_DENIED for somebody who may not make this call; what it throws reaches the
  ///     caller as a handler's error does.
  public init(
    exempt: Set<String> = [],
    identify: @escaping @Sendable (String, ServerCall) async throws -> RPCPrincipal?
  ) {
    self.exempt = exempt
    self.identify = identify
  }

  /// Tokens that are known from the start, each with whose it is. How long the comparison takes
  /// does not tell how much of a token was right.
  public init(tokens: [String: RPCPrincipal], exempt: Set<String> = []) {
    let known = tokens.map { (token: Array($0.key.utf8), principal: $0.value) }
    self.init(exempt: exempt) { given, _ in
      let given = Array(given.utf8)
      var found: RPCPrincipal?
      for (token, principal) in known where ConstantTime.areEqual(token, given) {
        found = principal
      }
      return found
    }
  }

  public func intercept(
    _ call: ServerCall, next: @escaping @Sendable (ServerCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    var call = call
    let values = call.context.metadata.values(of: BearerToken.metadataKey)
    call.context.metadata.removeAll(BearerToken.metadataKey)
    let principal =
      self.exempt.contains(call.method) ? nil : try await self.principal(values, call)
    let known = call
    // Also nobody: a call within this process must not seem to come from whoever made it.
    return try await RPCPrincipal.$current.withValue(principal) { try await next(known) }
  }

  private func principal(_ values: [[UInt8]], _ call: ServerCall) async throws -> RPCPrincipal {
    guard !values.isEmpty else {
      throw RPCError(.unauthenticated, "the call has no token", reason: "no-token")
    }
    guard values.count == 1, let token = Self.token(values[0]) else {
      throw RPCError(
        .unauthenticated, "the metadata 'authorization' is not 'Bearer' and one token",
        reason: "malformed-token")
    }
    guard let principal = try await self.identify(token, call) else {
      throw RPCError(.unauthenticated, "the token is not valid", reason: "invalid-token")
    }
    return principal
  }

  /// The scheme's name in any case, one or more blanks, the token (RFC 9110 §11.4).
  private static func token(_ value: [UInt8]) -> String? {
    let scheme = Array("bearer".utf8)
    guard value.prefix(scheme.count).map({ $0 | 0x20 }) == scheme else { return nil }
    let rest = value.dropFirst(scheme.count)
    let token = rest.drop { $0 == UInt8(ascii: " ") }
    guard token.count < rest.count, let text = String(validating: token, as: UTF8.self),
      BearerToken.isToken(text)
    else { return nil }
    return text
  }
}

/// Who makes a call, as the server's authentication found out.
public struct RPCPrincipal: Hashable, Sendable {
  /// Who makes the call that this task answers; nil when nobody asked.
  @TaskLocal public static var current: RPCPrincipal?

  public var name: String
  /// What else the token says: roles, an expiry.
  public var claims: [String: String]

  public init(name: String, claims: [String: String] = [:]) {
    self.name = name
    self.claims = claims
  }
}

extension RPCContext {
  /// Who makes this call; nil when nobody asked. Only for the call that the current task answers.
  public var principal: RPCPrincipal? { RPCPrincipal.current }
}

/// Comparisons whose time does not tell where two secrets differ.
public enum ConstantTime {
  /// Takes time by the length of `given` alone.
  public static func areEqual(_ secret: [UInt8], _ given: [UInt8]) -> Bool {
    guard !secret.isEmpty else { return given.isEmpty }
    var difference = secret.count ^ given.count
    for index in given.indices {
      difference |= Int(secret[index % secret.count] ^ given[index])
    }
    return difference == 0
  }
}
