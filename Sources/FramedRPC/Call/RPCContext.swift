public import NIOCore
import Synchronization

/// What a handler knows of the call it answers.
///
/// The runtime makes it the task's current context, so that calls made by the handler inherit its
/// deadline, its request id and its priority.
public struct RPCContext: Sendable {
  /// The key under which a request id travels.
  public static let requestIDKey = "request-id"

  /// That of the call which this task answers; nil outside of handlers. A detached task has none.
  @TaskLocal public static var current: RPCContext?

  /// One reference, since a context is copied several times a call.
  let call: CallState

  /// When the caller stops waiting; nil means never.
  public var deadline: NIODeadline? {
    get { self.call.deadline }
    set { self = RPCContext(CallState(self.call, deadline: newValue, metadata: self.metadata)) }
  }
  /// What the caller sent beside the request.
  public var metadata: RPCMetadata {
    get { self.call.metadata }
    set { self = RPCContext(CallState(self.call, deadline: self.deadline, metadata: newValue)) }
  }
  /// `sugang.pay.v1.PayService/Approve`
  public var method: String { self.call.route.method }
  /// Who calls.
  public var peer: RPCPeer { self.call.route.peer }
  /// The ``priority`` of a call whose caller says nothing of it.
  var servicePriority: RPCPriority { self.call.route.servicePriority }

  public init(
    deadline: NIODeadline? = nil, metadata: RPCMetadata = RPCMetadata(), method: String = "",
    peer: RPCPeer = RPCPeer()
  ) {
    self.init(
      CallState(
        deadline: deadline, metadata: metadata, route: CallRoute(method: method, peer: peer)))
  }

  init(_ call: CallState) {
    self.call = call
  }

  /// Sends a pair with the end of the answer (trailing metadata): beside the message of a unary
  /// call, after the last of a stream. It is not sent with an error, which has metadata of its own.
  ///
  /// - Throws: ``RPCError`` INVALID_ARGUMENT when the key is no key or a limit is passed.
  public func appendTrailer(_ key: String, _ value: [UInt8]) throws(RPCError) {
    try self.call.appendTrailer(key, value)
  }

  public func appendTrailer(_ key: String, _ value: String) throws(RPCError) {
    try self.appendTrailer(key, Array(value.utf8))
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

extension RPCContext {
  /// Memory for the bytes of the answer: the call's own, for the first who asks.
  @usableFromInline
  func takeAnswerBuffer() -> ByteBuffer {
    self.call.takeBuffer() ?? ByteBuffer()
  }
}
