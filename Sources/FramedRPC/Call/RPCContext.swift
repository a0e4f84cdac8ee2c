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

  /// When the caller stops waiting; nil means never.
  public var deadline: NIODeadline?
  /// What the caller sent beside the request.
  public var metadata: RPCMetadata
  /// `sugang.pay.v1.PayService/Approve`
  public let method: String
  /// Who calls.
  public let peer: RPCPeer
  /// Where what the handler says beside its answer is kept; nil outside a server.
  let responseMetadata: ResponseMetadata?
  /// The ``priority`` of a call whose caller says nothing of it.
  let servicePriority: RPCPriority

  public init(
    deadline: NIODeadline? = nil, metadata: RPCMetadata = RPCMetadata(), method: String = "",
    peer: RPCPeer = RPCPeer()
  ) {
    self.init(
      deadline: deadline, metadata: metadata, method: method, peer: peer, responseMetadata: nil)
  }

  init(
    deadline: NIODeadline?, metadata: RPCMetadata, method: String, peer: RPCPeer,
    responseMetadata: ResponseMetadata?, servicePriority: RPCPriority = .default
  ) {
    self.servicePriority = servicePriority
    self.responseMetadata = responseMetadata
    self.deadline = deadline
    self.metadata = metadata
    self.method = method
    self.peer = peer
  }

  /// Sends a pair with the end of the answer (trailing metadata): beside the message of a unary
  /// call, after the last of a stream. It is not sent with an error, which has metadata of its own.
  ///
  /// - Throws: ``RPCError`` INVALID_ARGUMENT when the key is no key or a limit is passed.
  public func appendTrailer(_ key: String, _ value: [UInt8]) throws(RPCError) {
    try self.responseMetadata?.append(key, value)
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
    self.responseMetadata?.takeBuffer() ?? ByteBuffer()
  }
}

/// Metadata that a handler adds to its answer, and memory for the answer itself.
///
/// `@unchecked Sendable`: the memory is lent before the handler begins, and belongs to whoever finds
/// that it has not been taken yet.
class ResponseMetadata: @unchecked Sendable {
  private let metadata = Mutex(RPCMetadata())
  /// Whether there is any; most answers have none, and need no lock to know.
  private let hasMetadata = Atomic(false)
  private let hasBuffer = Atomic(false)
  @exclusivity(unchecked) private var buffer: ByteBuffer?

  func append(_ key: String, _ value: [UInt8]) throws(RPCError) {
    try self.metadata.withLock { metadata throws(RPCError) in
      try metadata.append(key, value)
      self.hasMetadata.store(true, ordering: .releasing)
    }
  }

  final func take() -> RPCMetadata {
    guard self.hasMetadata.load(ordering: .acquiring) else { return RPCMetadata() }
    return self.metadata.withLock { $0 }
  }

  final func lend(_ buffer: ByteBuffer) {
    self.buffer = buffer
    self.hasBuffer.store(true, ordering: .releasing)
  }

  final func takeBuffer() -> ByteBuffer? {
    self.hasBuffer.exchange(false, ordering: .acquiring) ? self.buffer.take() : nil
  }
}
