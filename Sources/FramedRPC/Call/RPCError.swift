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
  /// The server refused the call because it has too much to do. A handler cannot say so, only the
  /// runtime that refuses; ``retryAfter`` says when it is worth while to come again.
  public var overloaded: Bool
  /// The server asks not to send the call again, neither to it nor to another.
  public var doNotRetry: Bool

  public init(
    _ status: RPCStatus, _ message: String, reason: String? = nil,
    metadata: RPCMetadata = RPCMetadata(), notProcessed: Bool = false, overloaded: Bool = false,
    doNotRetry: Bool = false
  ) {
    self.status = status
    self.message = message
    self.reason = reason
    self.metadata = metadata
    self.notProcessed = notProcessed
    self.overloaded = overloaded
    self.doNotRetry = doNotRetry
  }
}

extension RPCError: CustomStringConvertible {
  public var description: String {
    let reason = self.reason.map { " (\($0))" } ?? ""
    return "\(self.status.name)\(reason): \(self.message)"
  }
}

extension RPCError {
  /// The metadata key of ``reason``.
  static let reasonKey: StaticString = "reason"

  /// The reason, then as much of the metadata as still fits: more would end the connection.
  var wireMetadata: RPCMetadata {
    guard let reason = self.reason else { return self.metadata }
    var metadata = RPCMetadata()
    metadata.appendTrusted(Self.reasonKey, reason)
    for entry in self.metadata.entries where entry.key != "\(Self.reasonKey)" {
      try? metadata.append(entry.key, entry.value)
    }
    return metadata
  }

  static func answerTooLarge(_ bytes: Int, _ limit: Int) -> RPCError {
    RPCError(
      .resourceExhausted, "the answer of \(bytes) bytes is over the caller's limit of \(limit)")
  }
}
