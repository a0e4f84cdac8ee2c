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
  public var deadline: NIODeadline?
  public var metadata: RPCMetadata
  /// `sugang.pay.v1.PayService/Approve`
  public let method: String

  public init(
    deadline: NIODeadline? = nil, metadata: RPCMetadata = RPCMetadata(), method: String = ""
  ) {
    self.deadline = deadline
    self.metadata = metadata
    self.method = method
  }

  /// The caller's request id, when it sent one of 1 to 128 visible ASCII characters. Another one
  /// is as good as none: it is handed on and written into logs.
  public var requestID: String? {
    guard let id = self.metadata[Self.requestIDKey], (1...128).contains(id.utf8.count),
      id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    return id
  }
}
