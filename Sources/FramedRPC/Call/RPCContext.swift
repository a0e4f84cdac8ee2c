public import NIOCore

/// What a handler knows of the call it answers.
///
/// The runtime makes it the task's current context, so that calls made by the handler inherit its
/// deadline and its request id.
public struct RPCContext: Sendable {
  /// The key under which a request id travels.
  public static let requestIDKey = "request-id"

  @TaskLocal public static var current: RPCContext?

  /// When the caller stops waiting; nil means never.
  public let deadline: NIODeadline?
  public let metadata: RPCMetadata
  /// `sugang.pay.v1.PayService/Approve`
  public let method: String

  public init(
    deadline: NIODeadline? = nil, metadata: RPCMetadata = RPCMetadata(), method: String = ""
  ) {
    self.deadline = deadline
    self.metadata = metadata
    self.method = method
  }

  /// The caller's request id, when it sent one.
  public var requestID: String? { self.metadata[Self.requestIDKey] }
}
