public import NIOCore

/// A call whose messages come and go one by one, as protobuf bytes.
///
/// On the client it is the call: when nobody holds it any more, the call is cancelled. One task at
/// a time may read; any number may write.
public final class RPCByteStream: Sendable {
  let messages: MessageStream
  private let isClient: Bool

  init(_ messages: MessageStream, isClient: Bool) {
    self.messages = messages
    self.isClient = isClient
  }

  deinit {
    guard self.isClient, !self.messages.isOver else { return }
    self.cancel()
  }

  /// Sends a message; waits while more than ``RPCLimits/maxStreamQueuedBytes`` wait for the peer's
  /// credit.
  ///
  /// - Throws: ``RPCError``: that of the call when it has failed, RESOURCE_EXHAUSTED when the message
  ///   is over the peer's limit, FAILED_PRECONDITION when the call is over or ``finishWriting()`` was
  ///   called; on a server `CancellationError` when the writing task was cancelled.
  public func write(_ message: ByteBuffer) async throws {
    try await self.messages.write(message)
  }

  /// Sends metadata ahead of a server's first message. Does nothing on a client, whose metadata goes
  /// with the call.
  ///
  /// - Throws: ``RPCError`` FAILED_PRECONDITION after a message was written, or metadata.
  public func writeInitialMetadata(_ metadata: RPCMetadata) throws(RPCError) {
    guard !self.isClient else { return }
    try self.messages.writeInitialMetadata(metadata)
  }

  /// Says that this side has no more messages. On a server the return of the handler does it.
  public func finishWriting() {
    guard self.isClient else { return }
    self.messages.end(.halfClose)
  }

  /// The peer's next message; nil after its last, when the call has gone well or the client has no
  /// more to say.
  ///
  /// - Throws: ``RPCError`` of a call that failed; on a server `CancellationError` when the reading
  ///   task was cancelled.
  public func next() async throws -> ByteBuffer? {
    try await self.messages.next()
  }

  /// Gives the call up: the server's handler is cancelled, reads and writes here fail with CANCELLED.
  /// Does nothing on a server, and when the call is over.
  public func cancel() {
    guard self.isClient else { return }
    self.messages.connection.cancelled(self.messages)
  }

  /// What the server sent before its first message; nil when it sent nothing, or nothing yet.
  public var initialMetadata: RPCMetadata? { self.messages.initialMetadata }
  /// What the server sent with the end; empty until then.
  public var trailingMetadata: RPCMetadata { self.messages.trailingMetadata }

  /// Calls `body` once when the call is over, with its error or nil, on the connection's event loop;
  /// at once when it is over already.
  public func whenOver(_ body: @escaping @Sendable (RPCError?) -> Void) {
    self.messages.whenOver(body)
  }

  /// The request of a method that takes one.
  ///
  /// - Throws: ``RPCError`` INVALID_ARGUMENT when there are more or none.
  @usableFromInline
  func onlyRequest() async throws -> ByteBuffer {
    guard let request = try await self.next() else {
      throw RPCError(.invalidArgument, "the call has no request", reason: "no-request")
    }
    guard try await self.next() == nil else {
      throw RPCError(
        .invalidArgument, "the call has more than one request", reason: "many-requests")
    }
    return request
  }

  /// The answer of a method that gives one.
  ///
  /// - Throws: ``RPCError``: that of the call, or INTERNAL when there are more or none.
  @usableFromInline
  func onlyAnswer() async throws -> ByteBuffer {
    guard let answer = try await self.next() else {
      throw RPCError(.internal, "the server answered without a message")
    }
    guard try await self.next() == nil else {
      self.cancel()
      throw RPCError(.internal, "the server answered with more than one message")
    }
    return answer
  }
}
