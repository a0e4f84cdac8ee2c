package import NIOCore

/// The server's end of one connection.
package final class ServerConnection: FramedConnection, @unchecked Sendable {
  /// One call that the peer still waits for. Touched only on the connection's loop.
  private final class Call: @unchecked Sendable {
    let stream: StreamID
    let deadline: NIODeadline?
    let started: NIODeadline
    var task: Task<Void, Never>?

    init(stream: StreamID, deadline: NIODeadline?, started: NIODeadline) {
      self.stream = stream
      self.deadline = deadline
      self.started = started
    }

    /// For RESPONSE.
    func microseconds(until now: NIODeadline) -> UInt32 {
      UInt32(clamping: (now - self.started).nanoseconds / 1000)
    }
  }

  private let table: MethodTable
  private let executor: EventLoopTaskExecutor
  private let onUnhandledError: @Sendable (any Error, RPCContext) -> Void
  /// Told once, when the wire is gone and no handler runs any more.
  private let onEnd: @Sendable (ServerConnection) -> Void

  private var calls: [Call?] = []
  /// Handlers that run, also those whose caller has left: the limit counts them, so that a flood of
  /// resets cannot start more work than it allows.
  private var runningHandlers = 0
  private var accepted: UInt64 = 0
  private var maxPeerFrameBytes = FrameHeader.minLimit
  private var handshakeTimer: Scheduled<Void>?
  private var isReady = false
  private var isDraining = false
  private var isOver = false

  package init(
    loop: any EventLoop, limits: RPCLimits, table: MethodTable, executor: EventLoopTaskExecutor,
    onUnhandledError: @escaping @Sendable (any Error, RPCContext) -> Void = { _, _ in },
    onEnd: @escaping @Sendable (ServerConnection) -> Void = { _ in }
  ) {
    self.table = table
    self.executor = executor
    self.onUnhandledError = onUnhandledError
    self.onEnd = onEnd
    super.init(loop: loop, limits: limits, expectedMagic: Handshake.magic)
  }

  package override func attach(_ wire: any Wire) {
    super.attach(wire)
    self.handshakeTimer = self.loop.scheduleTask(in: TimeAmount(self.limits.handshakeTimeout)) {
      self.refuse(ProtocolViolation(.timeout, "no handshake within the time allowed"))
    }
  }

  override var acceptedCalls: UInt64 { self.accepted }

  override func receive(_ frame: Frame) throws(ProtocolViolation) {
    switch frame.header.type {
    case .hello where !self.isReady: try self.receiveHello(frame)
    case _ where !self.isReady:
      throw ProtocolViolation(.unexpectedFrame, "the first frame is not HELLO")
    case .request: try self.receiveRequest(frame)
    case .reset: self.receiveReset(frame)
    case .ping: self.send(FrameHeader(type: .pong), body: frame.body)
    case .goAway, .pong: break
    case let type where type.isIgnorable: break
    case .hello, .settings, .response:
      throw ProtocolViolation(
        .unexpectedFrame, "a client does not send frame type \(frame.header.type.rawValue) here")
    default:
      throw ProtocolViolation(
        .unknownFrameType, "frame type \(frame.header.type.rawValue) is not known")
    }
  }

  override func ended(_ error: RPCError) {
    self.handshakeTimer?.cancel()
    for call in self.calls {
      call?.task?.cancel()
    }
    self.calls.removeAll()
  }

  override func wireHasGone() {
    self.endIfOver()
  }

  private func endIfOver() {
    guard self.wireIsGone, self.runningHandlers == 0, !self.isOver else { return }
    self.isOver = true
    self.onEnd(self)
  }

  override func expireCalls(now: NIODeadline) -> NIODeadline? {
    var next: NIODeadline?
    for call in self.calls {
      guard let call, let deadline = call.deadline else { continue }
      if deadline <= now {
        self.expire(call, now: now)
      } else {
        next = next.map { min($0, deadline) } ?? deadline
      }
    }
    return next
  }

  /// Answers in the handler's place: it may be deaf, and the caller's slot is free from now on.
  private func expire(_ call: Call, now: NIODeadline) {
    self.calls[call.stream.slot] = nil
    self.send(Self.deadlinePassed, call.stream, call.microseconds(until: now))
    call.task?.cancel()
  }

  private static let deadlinePassed = RPCError(
    .deadlineExceeded, "the deadline passed while the call ran")

  /// A peer that does not read gets nothing more to answer.
  override func writabilityChanged(_ isWritable: Bool) {
    self.setReading(isWritable)
  }

  /// Accepts no more calls, finishes those that run, then closes.
  package func drain() {
    self.loop.assertInEventLoop()
    guard !self.isEnded, !self.isDraining else { return }
    self.isDraining = true
    self.sendRaw {
      GoAway(acceptedCalls: self.accepted, reason: .shutdown, message: "the server shuts down")
        .write(into: &$0)
    }
    self.closeIfDrained()
  }

  /// Ends now, whatever runs: cancels the handlers, and gives answers that have not left two more
  /// seconds.
  package func abandon() {
    self.loop.assertInEventLoop()
    self.close(
      RPCError(.unavailable, "the server has shut down"), within: SocketWire.lingerTimeout)
  }

  private func closeIfDrained() {
    guard self.isDraining, self.runningHandlers == 0 else { return }
    self.close(RPCError(.unavailable, "the server has shut down"))
  }

  private func receiveHello(_ frame: Frame) throws(ProtocolViolation) {
    let hello = try Hello(from: frame.body)
    guard hello.version >= 1 else {
      throw ProtocolViolation(
        .unsupportedVersion, "version \(hello.version) is not supported, 1 is")
    }
    self.isReady = true
    self.handshakeTimer?.cancel()
    self.maxPeerFrameBytes = hello.maxFrameBytes
    self.sendRaw {
      Settings(
        maxFrameBytes: self.limits.maxFrameBytes,
        maxConcurrentCalls: self.limits.maxConcurrentCalls,
        methods: self.table.methods.map(\.fullName)
      ).write(into: &$0)
    }
  }

  private func receiveReset(_ frame: Frame) {
    let stream = frame.header.stream
    guard self.calls.indices.contains(stream.slot), let call = self.calls[stream.slot],
      call.stream == stream
    else { return }
    self.calls[stream.slot] = nil
    call.task?.cancel()
  }

  private func receiveRequest(_ frame: Frame) throws(ProtocolViolation) {
    let stream = frame.header.stream
    if !self.isDraining {
      // Every REQUEST counts, also one that is refused: the client counts those it sends.
      self.accepted += 1
    }
    guard frame.header.flags.isSuperset(of: [.message, .end]) else {
      throw ProtocolViolation(.malformedFrame, "a unary request has MSG and END")
    }
    var body = frame.body
    let metadata =
      frame.header.flags.contains(.metadata) ? try RPCMetadata(from: &body) : RPCMetadata()
    let method: RPCService.Method?
    if Int(frame.header.code) == MethodTable.slotByHash {
      guard let hash = body.readInteger(endianness: .little, as: UInt64.self) else {
        throw ProtocolViolation(.malformedFrame, "the method's hash is cut off")
      }
      method = self.table.method(hash: hash)
    } else {
      method = self.table.method(slot: frame.header.code)
    }
    guard !self.isInUse(stream) else {
      throw ProtocolViolation(.streamInUse, "stream \(stream.slot) has a call already")
    }
    guard !self.isDraining else {
      return self.reject(stream, .unavailable, "the server shuts down")
    }
    guard stream.slot < self.limits.maxConcurrentCalls,
      self.runningHandlers < self.limits.maxConcurrentCalls
    else {
      return self.reject(
        stream, .resourceExhausted,
        "more than \(self.limits.maxConcurrentCalls) calls at once on one connection")
    }
    guard self.queuedBytes <= self.limits.maxQueuedBytes else {
      return self.reject(
        stream, .resourceExhausted, "answers are not read as fast as calls are made")
    }
    guard let method else {
      return self.reject(stream, .unimplemented, "there is no such method")
    }
    // All requests of one read came at one time.
    let now = self.lastReceived
    let deadline =
      frame.header.aux == 0 ? nil : now + .microseconds(Int64(frame.header.aux))
    self.start(
      Call(stream: stream, deadline: deadline, started: now), method, body,
      RPCContext(
        deadline: deadline, metadata: metadata, method: method.fullName, peer: self.peer))
  }

  private func start(
    _ call: Call, _ method: RPCService.Method, _ body: ByteBuffer, _ context: RPCContext
  ) {
    while self.calls.count <= call.stream.slot {
      self.calls.append(nil)
    }
    self.calls[call.stream.slot] = call
    self.runningHandlers += 1
    if let deadline = call.deadline {
      self.watch(deadline)
    }
    let limits = self.limits.decode
    let task =
      switch method.execution {
      case .eventLoop:
        Task.immediate(executorPreference: self.executor) {
          let result = await Self.run(method, body, context, limits)
          // The preferred executor is this loop; only a handler that changes executors comes back
          // elsewhere.
          if self.loop.inEventLoop {
            self.finish(call, context, result)
          } else {
            self.loop.execute { self.finish(call, context, result) }
          }
        }
      case .sharedPool:
        Task(executorPreference: globalConcurrentExecutor) {
          let result = await Self.run(method, body, context, limits)
          self.loop.execute { self.finish(call, context, result) }
        }
      }
    // A handler that never suspended has finished by now.
    if self.isWaitedFor(call) {
      call.task = task
    }
  }

  private func isInUse(_ stream: StreamID) -> Bool {
    self.calls.indices.contains(stream.slot) && self.calls[stream.slot] != nil
  }

  private static func run(
    _ method: RPCService.Method, _ body: ByteBuffer, _ context: RPCContext,
    _ limits: DecodeLimits
  ) async -> Result<ByteBuffer, any Error> {
    await RPCContext.$current.withValue(context) {
      do {
        return .success(try await method.handler(body, context, limits))
      } catch {
        return .failure(error)
      }
    }
  }

  /// By identity: a stream id comes again after 4,096 uses of its slot, and a handler may outlive
  /// them all.
  private func isWaitedFor(_ call: Call) -> Bool {
    let slot = call.stream.slot
    return self.calls.indices.contains(slot) && self.calls[slot] === call
  }

  private func finish(
    _ call: Call, _ context: RPCContext, _ result: Result<ByteBuffer, any Error>
  ) {
    self.loop.assertInEventLoop()
    self.runningHandlers -= 1
    defer {
      self.closeIfDrained()
      self.endIfOver()
    }
    guard !self.isEnded, self.isWaitedFor(call) else {
      if case .failure(let error) = result { self.report(error, context) }
      return
    }
    let stream = call.stream
    self.calls[stream.slot] = nil
    let now = self.loop.now
    let serverMicroseconds = call.microseconds(until: now)
    switch result {
    case .success(let message) where message.readableBytes <= self.maxPeerFrameBytes:
      self.send(
        FrameHeader(
          type: .response, flags: [.message, .end], stream: stream, aux: serverMicroseconds),
        body: message)
    case .success(let message):
      self.send(
        RPCError(
          .resourceExhausted,
          "the answer of \(message.readableBytes) bytes is over the caller's limit of "
            + "\(self.maxPeerFrameBytes)"), stream, serverMicroseconds)
    case .failure(let error):
      self.report(error, context)
      self.send(Self.rpcError(error, call, now), stream, serverMicroseconds)
    }
    if self.queuedBytes > self.limits.maxUnreadBytes {
      self.drop(RPCError(.unavailable, "the peer does not read its answers"))
    }
  }

  /// Tells the operator of an error that no caller may see, or nobody waits for.
  private func report(_ error: any Error, _ context: RPCContext) {
    guard !(error is RPCError), !(error is CancellationError) else { return }
    self.onUnhandledError(error, context)
  }

  private static func rpcError(
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
      return error
    }
    if error is CancellationError {
      return RPCError(.cancelled, "the call was cancelled")
    }
    return RPCError(.internal, "the handler failed")
  }

  private func reject(_ stream: StreamID, _ status: RPCStatus, _ message: String) {
    self.send(RPCError(status, message, notProcessed: true), stream, 0)
  }

  private func send(_ error: RPCError, _ stream: StreamID, _ serverMicroseconds: UInt32) {
    var flags: FrameFlags = [.message, .end]
    var body = ByteBuffer()
    let metadata = error.wireMetadata
    if !metadata.isEmpty {
      flags.insert(.metadata)
      metadata.write(into: &body)
    }
    body.writeBytes(error.message.utf8.prefix(RPCError.maxMessageBytes))
    let subReason: SubReason = error.notProcessed ? .notProcessed : []
    self.send(
      FrameHeader(
        type: .response, flags: flags,
        code: UInt16(error.status.rawValue) | UInt16(subReason.rawValue) << 8, stream: stream,
        aux: serverMicroseconds),
      body: body)
  }
}

extension RPCError {
  /// The metadata key of ``reason``.
  static let reasonKey: StaticString = "reason"

  /// The reason, then as much of the metadata as still fits: more would end the connection.
  fileprivate var wireMetadata: RPCMetadata {
    guard let reason = self.reason else { return self.metadata }
    var metadata = RPCMetadata()
    metadata.appendTrusted(Self.reasonKey, reason)
    for entry in self.metadata.entries where entry.key != "\(Self.reasonKey)" {
      try? metadata.append(entry.key, entry.value)
    }
    return metadata
  }
}
