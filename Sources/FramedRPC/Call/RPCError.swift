/// Why a call failed, as the server said it or as the client found it.
public struct RPCError: Error, Hashable, Sendable {
  /// Longest message that travels, in bytes.
  static let maxMessageBytes = 4096

  /// The kind of failure. One that a server throws with ``RPCStatus/ok`` reaches the caller as
  /// ``RPCStatus/internal``.
  public var status: RPCStatus
  /// For people.
  public var message: String
  /// For machines: a stable code of the service, such as `fee-mismatch`.
  public var reason: String?
  /// More detail for machines.
  public var metadata: RPCMetadata
  /// The call certainly had no effect, so that it may be sent again.
  public var notProcessed: Bool

  public init(
    _ status: RPCStatus, _ message: String, reason: String? = nil,
    metadata: RPCMetadata = RPCMetadata(), notProcessed: Bool = false
  ) {
    self.status = status
    self.message = message
    self.reason = reason
    self.metadata = metadata
    self.notProcessed = notProcessed
  }
}

extension RPCError: CustomStringConvertible {
  public var description: String {
    let reason = self.reason.map { " (\($0))" } ?? ""
    return "\(self.status.name)\(reason): \(self.message)"
  }
}
