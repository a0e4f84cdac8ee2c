import NIOCore
import Synchronization

/// Who calls what: the same for all calls of one method on one connection.
final class CallRoute: Sendable {
  /// `sugang.pay.v1.PayService/Approve`
  let method: String
  let peer: RPCPeer
  /// The ``RPCContext/priority`` of a call whose caller says nothing of it.
  let servicePriority: RPCPriority
  /// Of the method, on the connection's loop; nil when nobody counts.
  let counts: LoopStatistics.Method?

  init(
    method: String, peer: RPCPeer, servicePriority: RPCPriority = .default,
    counts: LoopStatistics.Method? = nil
  ) {
    self.method = method
    self.peer = peer
    self.servicePriority = servicePriority
    self.counts = counts
  }
}

/// What is known of a call that is answered, and what its handler leaves for the answer beside the
/// message: trailers, and memory for the bytes.
///
/// `@unchecked Sendable`: the memory is lent before the handler begins, and belongs to whoever finds
/// that it has not been taken yet.
class CallState: @unchecked Sendable {
  final let deadline: NIODeadline?
  final let metadata: RPCMetadata
  final let route: CallRoute
  /// The call that this one is a changed copy of; the answer is that one's.
  private final let original: CallState?

  private final let trailers = Mutex(RPCMetadata())
  /// Whether there are any; most answers have none, and need no lock to know.
  private final let hasTrailers = Atomic(false)
  private final let hasBuffer = Atomic(false)
  @exclusivity(unchecked) private final var buffer: ByteBuffer?

  init(deadline: NIODeadline?, metadata: RPCMetadata, route: CallRoute) {
    self.deadline = deadline
    self.metadata = metadata
    self.route = route
    self.original = nil
  }

  /// The same call as its handler's callees shall see it.
  init(_ call: CallState, deadline: NIODeadline?, metadata: RPCMetadata) {
    self.deadline = deadline
    self.metadata = metadata
    self.route = call.route
    self.original = call.original ?? call
  }

  final func appendTrailer(_ key: String, _ value: [UInt8]) throws(RPCError) {
    if let original { return try original.appendTrailer(key, value) }
    try self.trailers.withLock { trailers throws(RPCError) in
      try trailers.append(key, value)
      self.hasTrailers.store(true, ordering: .releasing)
    }
  }

  final func takeTrailers() -> RPCMetadata {
    guard self.hasTrailers.load(ordering: .acquiring) else { return RPCMetadata() }
    return self.trailers.withLock { $0 }
  }

  final func lend(_ buffer: ByteBuffer) {
    self.buffer = buffer
    self.hasBuffer.store(true, ordering: .releasing)
  }

  final func takeBuffer() -> ByteBuffer? {
    if let original { return original.takeBuffer() }
    return self.hasBuffer.exchange(false, ordering: .acquiring) ? self.buffer.take() : nil
  }
}
