public import NIOCore

/// The messages that one side of a call receives, in the order in which they were sent.
///
/// One task at a time may iterate. What is not read makes the sender wait; it holds up no other call.
/// Iterating throws the ``RPCError`` of a call that failed, after the messages that came before.
/// On the client, the call is cancelled when its reader and its writer are both gone.
public struct RPCReader<Message: RPCMessage>: AsyncSequence, Sendable {
  public typealias Element = Message

  /// The call as bytes: its metadata, its end.
  public let call: RPCByteStream
  @usableFromInline let limits: DecodeLimits
  @usableFromInline let isServer: Bool

  @usableFromInline
  init(_ call: RPCByteStream, limits: DecodeLimits, isServer: Bool) {
    self.call = call
    self.limits = limits
    self.isServer = isServer
  }

  /// Takes messages from the reader that made it; two iterators share them.
  public struct AsyncIterator: AsyncIteratorProtocol {
    @usableFromInline let reader: RPCReader

    @usableFromInline
    init(reader: RPCReader) {
      self.reader = reader
    }

    /// See ``RPCReader/next()``.
    @inlinable
    public mutating func next() async throws -> Message? {
      try await self.reader.next()
    }
  }

  @inlinable
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(reader: self)
  }

  /// The next message; nil after the last.
  ///
  /// - Throws: ``RPCError``: that of the call; INTERNAL on a client, INVALID_ARGUMENT on a server,
  ///   when the bytes are no such message.
  @inlinable
  public func next() async throws -> Message? {
    guard let bytes = try await self.call.next() else { return nil }
    if self.isServer { return try Message(request: bytes, limits: self.limits) }
    do {
      return try Message(answer: bytes, limits: self.limits)
    } catch {
      self.call.cancel()
      throw error
    }
  }
}

/// Sends the messages of one side of a call, in the order in which they are written.
///
/// Any number of tasks may write; those of one task keep their order, and no message is torn.
public struct RPCWriter<Message: RPCMessage>: Sendable {
  /// The call as bytes.
  public let call: RPCByteStream

  @usableFromInline
  init(_ call: RPCByteStream) {
    self.call = call
  }

  /// Sends a message; waits while the peer reads more slowly than this side writes, with
  /// ``RPCLimits/maxStreamQueuedBytes`` queued. Returns when the message is queued: that the peer
  /// has read it, only an answer can say.
  ///
  /// - Throws: ``RPCError``: INVALID_ARGUMENT when the message cannot be encoded, else as
  ///   ``RPCByteStream/write(_:)``.
  @inlinable
  public func write(_ message: Message) async throws {
    let bytes: ByteBuffer
    do {
      bytes = try message.encoded()
    } catch {
      throw RPCError(.invalidArgument, "the message cannot be sent: \(error)")
    }
    try await self.call.write(bytes)
  }

  /// Says that there are no more messages; those written before still leave. On a server it does
  /// nothing: the return of the handler is the end.
  public func finish() {
    self.call.finishWriting()
  }
}

/// A call with any number of messages, as its client has it.
///
/// Nobody holding the stream, its writer or its reader any more cancels the call. Neither side waits
/// for the other: read in one task while another writes when both are long.
public struct RPCStream<Request: RPCMessage, Response: RPCMessage>: Sendable {
  /// What the client says; end it with ``RPCWriter/finish()``.
  public let requests: RPCWriter<Request>
  /// What the server says; may be read before the requests have ended.
  public let responses: RPCReader<Response>

  @usableFromInline
  init(_ call: RPCByteStream, limits: DecodeLimits) {
    self.requests = RPCWriter(call)
    self.responses = RPCReader(call, limits: limits, isServer: false)
  }

  /// Gives the call up, if it is not over.
  public func cancel() {
    self.requests.call.cancel()
  }
}

/// A call with any number of requests and one answer, as its client has it.
public struct RPCUpload<Request: RPCMessage, Response: RPCMessage>: Sendable {
  /// What the client says.
  public let requests: RPCWriter<Request>
  @usableFromInline let limits: DecodeLimits

  @usableFromInline
  init(_ call: RPCByteStream, limits: DecodeLimits) {
    self.requests = RPCWriter(call)
    self.limits = limits
  }

  /// Ends the requests and waits for the answer.
  ///
  /// - Throws: ``RPCError``, whatever went wrong.
  @inlinable
  public func response() async throws -> Response {
    self.requests.finish()
    return try Response(answer: try await self.requests.call.onlyAnswer(), limits: self.limits)
  }

  /// Gives the call up, if it is not over.
  public func cancel() {
    self.requests.call.cancel()
  }
}

extension RPCMessage {
  /// Reads what a server sent.
  @inlinable
  init(answer bytes: ByteBuffer, limits: DecodeLimits) throws(RPCError) {
    do {
      self = try Self(decoding: bytes, limits: limits)
    } catch {
      throw RPCError(.internal, "the answer is not a \(Self.messageName): \(error)")
    }
  }
}
