import FramedRPC
import Kernel

extension Caller {
  static let nameKey = "caller"
  /// The roles of a caller whom a token named, joined by commas; there even when there are none. It
  /// takes rights away: without it a call is the system's own.
  static let rolesKey = "caller-roles"

  /// Who makes this call, as the caller's service said it.
  ///
  /// That service is trusted: who may call at all is for the token or the certificate to say that
  /// every RPC port can demand.
  package init(_ context: RPCContext) {
    let name = context.metadata[Self.nameKey]
    let requestID = context.requestID ?? RequestID.make()
    let roles = context.metadata.values(of: Self.rolesKey)
    guard !roles.isEmpty else {
      self.init(name: name ?? "anonymous", requestID: requestID)
      return
    }
    guard roles.count == 1 else {
      // Twice is once too often: then it is nobody.
      self.init(.nobody, requestID: requestID)
      return
    }
    let known = String(decoding: roles[0], as: UTF8.self).split(separator: ",")
      .compactMap { Role(rawValue: String($0)) }
    self.init(Subject(name: name ?? "", roles: Set(known)), requestID: requestID)
  }

  /// What tells another service who the caller is; nothing for one who may do everything.
  package var identityMetadata: [(key: String, value: String)] {
    guard let subject = self.subject else { return [] }
    let roles = subject.roles.map(\.rawValue).sorted().joined(separator: ",")
    return [(Self.rolesKey, roles), (Self.nameKey, subject.name)]
  }

  /// Options of a call made for this caller.
  package func options(timeout: Duration = .seconds(3)) -> CallOptions {
    var metadata = RPCMetadata()
    // The roles are first, and fit: no call goes out with more rights than its caller has.
    for (key, value) in self.identityMetadata { try? metadata.append(key, value) }
    if self.subject == nil { try? metadata.append(Self.nameKey, self.name) }
    try? metadata.append(RPCContext.requestIDKey, self.requestID)
    return CallOptions(timeout: timeout, metadata: metadata)
  }
}

/// For a service whose every call is made for somebody: a call that does not say for whom is
/// nobody's, instead of the system's own.
package struct ForSomebody: ClientInterceptor {
  package init() {}

  package func intercept(
    _ call: ClientCall, next: @escaping @Sendable (ClientCall) async throws -> CallAnswer
  ) async throws -> CallAnswer {
    guard call.options.metadata.values(of: Caller.rolesKey).isEmpty else {
      return try await next(call)
    }
    var call = call
    call.options.metadata.removeAll(Caller.nameKey)
    try call.options.metadata.append(Caller.rolesKey, "")
    return try await next(call)
  }
}

extension Cause {
  /// The request behind this call.
  package init(_ context: RPCContext) {
    self.init(id: context.requestID ?? RequestID.make())
  }

  /// Options of a call made for this cause.
  package func options(timeout: Duration) -> CallOptions {
    var metadata = RPCMetadata()
    try? metadata.append(RPCContext.requestIDKey, self.id)
    return CallOptions(timeout: timeout, metadata: metadata)
  }
}
