import NIOCore

/// What a call gets in the end: its answer, in one frame or in chunks, or its error.
extension ServerConnection {
  /// - Parameter message: nil when all messages were written to the stream.
  func answer(
    _ call: Call, _ message: ByteBuffer?, _ metadata: RPCMetadata, _ now: NIODeadline
  ) {
    let bytes = message?.readableBytes ?? 0
    if let peer = self.peerStreaming,
      bytes + metadata.wireByteCount > DataLane.wholeBytes(self.maxPeerFrameBytes, peer)
    {
      self.answerInChunks(call, message, metadata, peer)
    } else if let messages = call.messages {
      if let message { _ = messages.queueLast(message) }
      messages.end(.response(nil, metadata))
    } else {
      let tooLarge =
        bytes + metadata.wireByteCount > self.maxPeerFrameBytes
        ? RPCError.answerTooLarge(bytes, self.maxPeerFrameBytes) : nil
      self.release(call, tooLarge?.status ?? .ok, now)
      if let tooLarge {
        self.send(tooLarge, call.stream, call.microseconds(until: now))
      } else {
        self.sendAnswer(message, metadata, call.stream, call.microseconds(until: now))
      }
    }
  }

  /// An answer that would hold up the frames behind it.
  func answerInChunks(
    _ call: Call, _ message: ByteBuffer?, _ metadata: RPCMetadata, _ peer: StreamingLimits
  ) {
    let messages =
      call.messages ?? MessageStream(connection: self, peer: peer, countsQueue: true)
    messages.start(as: call.stream)
    call.messages = messages
    if let message, !messages.queueLast(message) {
      let error = RPCError.answerTooLarge(message.readableBytes, peer.maxMessageBytes)
      return messages.end(.response(error, RPCMetadata()))
    }
    messages.end(.response(nil, metadata))
  }

  func sendAnswer(
    _ message: ByteBuffer?, _ metadata: RPCMetadata, _ stream: StreamID, _ microseconds: UInt32
  ) {
    var flags: FrameFlags = .end
    if message != nil { flags.insert(.message) }
    guard !metadata.isEmpty else {
      return self.send(
        FrameHeader(type: .response, flags: flags, stream: stream, aux: microseconds),
        body: message)
    }
    flags.insert(.metadata)
    var body = ByteBuffer()
    metadata.write(into: &body)
    if let message { body.writeImmutableBuffer(message) }
    self.send(
      FrameHeader(type: .response, flags: flags, stream: stream, aux: microseconds), body: body)
  }

  /// Tells the operator of an error that no caller may see, or nobody waits for.
  func report(_ error: any Error, _ context: RPCContext) {
    guard !(error is RPCError), !(error is CancellationError) else { return }
    self.onUnhandledError(error, context)
  }

  static func rpcError(
    _ error: any Error, _ call: Call, _ now: NIODeadline
  ) -> RPCError {
    let isCancellation =
      error is CancellationError || (error as? RPCError)?.status == .cancelled
    if isCancellation, let deadline = call.deadline, deadline <= now {
      return Self.deadlinePassed
    }
    if var error = error as? RPCError, error.status != .ok {
      // Perhaps the word of a call that the handler made; this one has run.
      error.notProcessed = false
      error.overloaded = false
      return error
    }
    if error is CancellationError {
      return RPCError(.cancelled, "the call was cancelled")
    }
    return RPCError(.internal, "the handler failed")
  }

  @inline(never)
  func send(_ error: RPCError, _ stream: StreamID, _ serverMicroseconds: UInt32) {
    var flags: FrameFlags = [.message, .end]
    var body = ByteBuffer()
    let metadata = error.wireMetadata
    if !metadata.isEmpty {
      flags.insert(.metadata)
      metadata.write(into: &body)
    }
    body.writeBytes(error.message.utf8.prefix(RPCError.maxMessageBytes))
    self.send(
      FrameHeader(
        type: .response, flags: flags,
        code: UInt16(error.status.rawValue) | UInt16(SubReason(error).rawValue) << 8,
        stream: stream, aux: serverMicroseconds),
      body: body)
  }
}
