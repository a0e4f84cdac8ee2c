package import NIOCore
import Synchronization

/// The client's end of one connection: many calls at once, each in a slot of its own.
package final class ClientConnection: FramedConnection, @unchecked Sendable {
  /// One call on its way. Touched only on the connection's loop once it was submitted.
  package final class Call: RPCPendingCall, @unchecked Sendable {
    let rpc: RPCCall
    let metadata: RPCMetadata
    let deadline: NIODeadline?
    /// Who sends it again after a GOAWAY; nil when nobody does.
    private let client: RPCClient?
    /// Where it goes, if that is known.
    private let connection: ClientConnection?
    /// The loop's time, when the caller has just read it: a clock costs a fiftieth of a call.
    fileprivate let now: NIODeadline?
    @exclusivity(unchecked) fileprivate var continuation: UnsafeContinuation<ByteBuffer, any Error>?
    @exclusivity(unchecked) fileprivate var stream: StreamID?
    @exclusivity(unchecked) fileprivate var number: UInt64 = 0
    /// Whether the caller has left.
    fileprivate let isCancelled = Atomic(false)
    /// Of a streaming call, and of a unary one whose request or answer comes in DATA.
    @exclusivity(unchecked) fileprivate(set) var messages: MessageStream?
    /// Whether the request goes with REQUEST and is all that the client has to say.
    fileprivate let carriesRequest: Bool

    package init(
      _ call: consuming RPCCall, _ metadata: RPCMetadata, _ deadline: NIODeadline?,
      carriesRequest: Bool = true, client: RPCClient? = nil,
      connection: ClientConnection? = nil, now: NIODeadline? = nil
    ) {
      self.rpc = call
      self.metadata = metadata
      self.deadline = deadline
      self.carriesRequest = carriesRequest
      self.client = client
      self.connection = connection
      self.now = now
      super.init(isReady: connection != nil)
    }

    /// The request, if it goes with REQUEST.
    fileprivate var request: ByteBuffer { self.carriesRequest ? self.rpc.request : ByteBuffer() }

    package override func send(_ continuation: UnsafeContinuation<ByteBuffer, any Error>) {
      self.continuation = continuation
      self.connection?.submit(self)
    }

    package override func cancel() {
      // On the loop the request would leave before ``ClientConnection/cancel(_:)`` runs.
      self.isCancelled.store(true, ordering: .relaxed)
      guard let connection else { return }
      connection.loop.execute { connection.cancel(self) }
    }

    package override func answer(after error: any Error) async throws -> ByteBuffer {
      guard let client else { throw error }
      return try await client.answer(self, after: error)
    }

    package override func answerWhenReady() async throws -> ByteBuffer {
      guard let client else { throw RPCError(.unavailable, "there is no connection") }
      return try await client.answerWhenConnected(self)
    }

    fileprivate func finish(_ result: Result<ByteBuffer, RPCError>) {
      guard let continuation = self.continuation else { return }
      self.continuation = nil
      switch result {
      case .success(let message): continuation.resume(returning: message)
      case .failure(let error): continuation.resume(throwing: error)
      }
    }

    /// The call is over without an answer.
    fileprivate func fail(_ error: RPCError, _ lane: DataLane) {
      self.messages?.close(error, lane: lane, keepsUnread: false)
      self.finish(.failure(error))
    }
  }

  private let onReady: @Sendable (ClientConnection) -> Void
  /// Called once, when the connection takes no more calls.
  private let onRetired: @Sendable (ClientConnection, RPCError) -> Void

  private let submitted = Mutex<[Call]>([])
  /// What the server said of streams; known before anybody has the connection.
  private let peerStreaming = Mutex<StreamingLimits?>(nil)
  /// Largest request that goes in one frame to a server with streaming, with its metadata.
  private let wholeBytes = Atomic(FrameHeader.minLimit)

  @exclusivity(unchecked) private var slots: [Call?] = []
  @exclusivity(unchecked) private var generations: [UInt32] = []
  @exclusivity(unchecked) private var freeSlots: [Int] = []
  @exclusivity(unchecked) private var callsSent: UInt64 = 0
  @exclusivity(unchecked) private var callsInFlight = 0
  @exclusivity(unchecked) private(set) var settings: Settings?
  @exclusivity(unchecked) private var methodSlots: [UInt64: UInt16] = [:]
  @exclusivity(unchecked) private var lastMethod: (hash: UInt64, slot: UInt16) = (0, 0)
  @exclusivity(unchecked) private var isRetired = false
  private var handshakeTimer: Scheduled<Void>?

  package init(
    loop: any EventLoop, limits: RPCLimits,
    onReady: @escaping @Sendable (ClientConnection) -> Void = { _ in },
    onRetired: @escaping @Sendable (ClientConnection, RPCError) -> Void = { _, _ in }
  ) {
    self.onReady = onReady
    self.onRetired = onRetired
    super.init(loop: loop, limits: limits)
  }

  package override func attach(_ wire: any Wire) {
    super.attach(wire)
    self.sendRaw {
      Hello(maxFrameBytes: self.limits.maxFrameBytes, streaming: self.streaming).write(into: &$0)
    }
    self.handshakeTimer = self.loop.scheduleTask(in: TimeAmount(self.limits.handshakeTimeout)) {
      self.close(RPCError(.unavailable, "the server did not answer the handshake"))
    }
  }

  /// The methods the server offers, in the order of their slots.
  package var methods: [String] { self.settings?.methods ?? [] }

  // MARK: calls, from any thread

  /// Sends one request and waits for its answer; cancelling the task cancels the call.
  package func call(
    _ call: RPCCall, _ metadata: RPCMetadata, _ deadline: NIODeadline?
  ) async throws -> ByteBuffer {
    guard self.sendsWhole(call.request, metadata) else {
      guard !Task.isCancelled else { throw RPCError.cancelledByCaller(notProcessed: true) }
      return try await self.callInChunks(call, metadata, deadline)
    }
    return try await Call(call, metadata, deadline, connection: self).answer()
  }

  /// Whether a request goes in one frame, and does not hold up those behind it.
  func sendsWhole(_ request: ByteBuffer, _ metadata: RPCMetadata) -> Bool {
    request.readableBytes + metadata.wireByteCount <= self.wholeBytes.load(ordering: .relaxed)
      || self.peerStreaming.withLock { $0 == nil }
  }

  /// A request that would hold up the frames behind it.
  private func callInChunks(
    _ call: RPCCall, _ metadata: RPCMetadata, _ deadline: NIODeadline?
  ) async throws -> ByteBuffer {
    let limit = self.peerStreaming.withLock { $0?.maxMessageBytes ?? 0 }
    guard call.request.readableBytes <= limit else {
      throw Self.requestTooLarge(call.request.readableBytes, limit)
    }
    let messages = try self.open(
      Call(call, metadata, deadline, carriesRequest: false), isUnary: true)
    // A server that answers before it has read everything fails the write; its answer says why.
    try? await messages.write(call.request)
    messages.end(.halfClose)
    guard let answer = try await messages.next() else {
      throw RPCError(.internal, "the server answered without a message")
    }
    guard try await messages.next() == nil else {
      let error = RPCError(.internal, "the server answered with more than one message")
      self.loop.execute { self.abort(messages, error) }
      throw error
    }
    return answer
  }

  private static func requestTooLarge(_ bytes: Int, _ limit: Int) -> RPCError {
    RPCError(
      .resourceExhausted,
      "the request of \(bytes) bytes is over the server's limit of \(limit)",
      notProcessed: true)
  }

  /// Starts a call whose messages go through the stream that this returns. What goes wrong, also
  /// before a byte has left, ends that stream.
  ///
  /// - Parameter isUnary: whether one message goes through it, so that no writer waits for room.
  /// - Throws: ``RPCError`` UNIMPLEMENTED when the server has no streaming.
  package func open(
    _ call: Call, isUnary: Bool = false
  ) throws(RPCError) -> MessageStream {
    guard let peer = self.peerStreaming.withLock({ $0 }) else {
      throw RPCError(.unimplemented, "the server has no streaming", notProcessed: true)
    }
    let messages = MessageStream(connection: self, peer: peer, countsQueue: isUnary)
    call.messages = messages
    if call.carriesRequest { messages.endsWithRequest() }
    self.submit(call)
    return messages
  }

  /// Ends the connection once the calls in flight are answered.
  package func retire() {
    self.loop.execute {
      self.retire(RPCError(.unavailable, "the client has shut down", notProcessed: true))
      self.closeIfIdle()
    }
  }

  /// Calls from other threads wait in a list; whoever finds it empty wakes the loop, once for all
  /// that come before it runs.
  private func submit(_ call: Call) {
    if self.loop.inEventLoop {
      return self.start(call, now: call.now ?? self.loop.now)
    }
    let mustWake = self.submitted.withLock { calls in
      calls.append(call)
      return calls.count == 1
    }
    if mustWake {
      self.loop.execute {
        let calls = self.submitted.withLock { exchange(&$0, with: []) }
        let now = self.loop.now
        for call in calls {
          self.start(call, now: now)
        }
      }
    }
  }

  private func start(_ call: Call, now: NIODeadline) {
    // Given up before it began.
    if let messages = call.messages, messages.isClosed { return }
    guard !call.isCancelled.load(ordering: .relaxed) else {
      return self.refuse(call, .cancelledByCaller(notProcessed: true))
    }
    guard let slot = self.methodSlot(of: call), self.hasRoom(for: call) else {
      return self.refuse(call, self.refusal(of: call))
    }
    var remaining: UInt32 = 0
    if let deadline = call.deadline {
      let microseconds = (deadline - now).nanoseconds / 1000
      guard microseconds > 0 else {
        return self.refuse(call, .deadlinePassed(notProcessed: true))
      }
      remaining = UInt32(clamping: microseconds)
      self.watch(deadline)
    }
    if self.callsInFlight == 0 { self.keepalive.begin(self, now: now) }
    let stream = self.takeSlot(call)
    let metadataBytes = call.metadata.wireByteCount
    var flags: FrameFlags = call.carriesRequest ? [.message, .end] : []
    if metadataBytes > 0 { flags.insert(.metadata) }
    let header = FrameHeader(
      length: call.request.readableBytes + metadataBytes, type: .request, flags: flags,
      code: slot, stream: stream, aux: remaining)
    if metadataBytes > 0 {
      self.sendRaw(call.request) { output in
        header.write(into: &output)
        call.metadata.write(into: &output)
      }
    } else {
      self.send(header, body: call.request)
    }
    if let messages = call.messages {
      messages.start(as: stream)
      self.lane.append(messages)
    }
  }

  @inline(never)
  private func refuse(_ call: Call, _ error: RPCError) {
    call.fail(error, self.lane)
  }

  /// Calls come in runs of one method, so that the last answer mostly fits.
  private func methodSlot(of call: Call) -> UInt16? {
    let hash = call.rpc.methodHash
    if hash == self.lastMethod.hash { return self.lastMethod.slot }
    guard let slot = self.methodSlots[hash] else { return nil }
    self.lastMethod = (hash, slot)
    return slot
  }

  private func hasRoom(for call: Call) -> Bool {
    // By its fields: a copy of the settings would count up the references of what else they have.
    let mostBytes = self.settings?.maxFrameBytes ?? 0
    let mostCalls = self.settings?.maxConcurrentCalls ?? 0
    return !self.isEnded && !self.isRetired && self.callsInFlight < mostCalls
      && call.request.readableBytes + call.metadata.wireByteCount <= mostBytes
      && self.queuedBytes <= self.limits.maxQueuedBytes
  }

  /// Why the call cannot even be sent.
  @inline(never)
  private func refusal(of call: Call) -> RPCError {
    guard !self.isEnded, !self.isRetired, let settings = self.settings else {
      return RPCError(.unavailable, "the connection is closing", notProcessed: true)
    }
    guard self.methodSlots[call.rpc.methodHash] != nil else {
      return RPCError(
        .unimplemented, "the server does not offer \(call.rpc.method)", notProcessed: true)
    }
    let bytes = call.request.readableBytes + call.metadata.wireByteCount
    guard bytes <= settings.maxFrameBytes else {
      return Self.requestTooLarge(bytes, settings.maxFrameBytes)
    }
    guard self.callsInFlight < settings.maxConcurrentCalls else {
      return RPCError(
        .resourceExhausted, "\(self.callsInFlight) calls are in flight on this connection",
        notProcessed: true)
    }
    return RPCError(
      .resourceExhausted, "the server does not read as fast as calls are made",
      notProcessed: true)
  }

  private func takeSlot(_ call: Call) -> StreamID {
    let slot: Int
    if let free = self.freeSlots.popLast() {
      slot = free
    } else {
      slot = self.slots.count
      self.slots.append(nil)
      self.generations.append(0)
    }
    let stream = StreamID(slot: slot, generation: self.generations[slot])
    call.stream = stream
    call.number = self.callsSent
    self.callsSent += 1
    self.callsInFlight += 1
    self.slots[slot] = call
    return stream
  }

  /// Frees the call's slot; its next user has another generation.
  private func release(_ stream: StreamID) {
    self.slots[stream.slot] = nil
    self.generations[stream.slot] &+= 1
    self.freeSlots.append(stream.slot)
    self.callsInFlight -= 1
  }

  private func cancel(_ call: Call) {
    self.abort(call, .cancelledByCaller(notProcessed: false))
  }

  /// Gives a call up and tells the server so.
  private func abort(_ call: Call, _ error: RPCError) {
    guard let stream = call.stream, self.slots.indices.contains(stream.slot),
      self.slots[stream.slot] === call
    else { return }
    self.send(
      FrameHeader(type: .reset, code: UInt16(error.status.rawValue), stream: stream))
    self.release(stream)
    call.fail(error, self.lane)
    self.closeIfIdle()
  }

  // MARK: streams

  private func call(of stream: StreamID) -> Call? {
    guard self.slots.indices.contains(stream.slot), let call = self.slots[stream.slot],
      call.stream == stream
    else { return nil }
    return call
  }

  /// An answer that comes in DATA has its call made a stream of when the first arrives.
  override func stream(_ id: StreamID) -> MessageStream? {
    guard let call = self.call(of: id) else { return nil }
    if call.messages == nil, let peer = self.settings?.streaming {
      let messages = MessageStream(connection: self, peer: peer, countsQueue: false)
      messages.start(as: id)
      call.messages = messages
    }
    return call.messages
  }

  override func abort(_ stream: MessageStream, _ error: RPCError) {
    guard let call = self.call(of: stream.id), call.messages === stream else {
      // Not started: it will not be.
      return stream.close(error, lane: self.lane, keepsUnread: false)
    }
    self.abort(call, error)
  }

  override func waiterCancelled(_ stream: MessageStream) {
    self.abort(stream, .cancelledByCaller(notProcessed: false))
  }

  override func sendEnding(_ ending: MessageStream.Ending, of stream: MessageStream) {
    self.send(FrameHeader(type: .data, flags: .end, stream: stream.id))
  }

  // MARK: frames

  override func receive(_ frame: Frame) throws(ProtocolViolation) {
    switch frame.header.type {
    case .settings where self.settings == nil: try self.receiveSettings(frame)
    case .response: try self.receiveResponse(frame)
    case .reset: self.receiveReset(frame)
    case .data where frame.header.flags.contains(.end):
      throw ProtocolViolation(.malformedFrame, "a server's messages end with RESPONSE")
    case .data: try self.receiveData(frame)
    case .window: try self.receiveWindow(frame)
    case .ping: self.send(FrameHeader(type: .pong), body: frame.body)
    case .pong: self.receivePong(frame)
    case .goAway: self.receiveGoAway(try GoAway(from: frame.body))
    case .drain: self.receiveDrain()
    case let type where type.isIgnorable: break
    case .hello, .settings, .request:
      throw ProtocolViolation(
        .unexpectedFrame, "a server does not send frame type \(frame.header.type.rawValue) here")
    default:
      throw ProtocolViolation(
        .unknownFrameType, "frame type \(frame.header.type.rawValue) is not known")
    }
  }

  private func receiveSettings(_ frame: Frame) throws(ProtocolViolation) {
    let settings = try Settings(from: frame.body)
    guard settings.version == Handshake.version else {
      throw ProtocolViolation(
        .unsupportedVersion, "the server chose version \(settings.version)")
    }
    self.settings = settings
    if let streaming = settings.streaming {
      self.wholeBytes.store(
        DataLane.wholeBytes(settings.maxFrameBytes, streaming), ordering: .relaxed)
      self.beginStreaming(streaming)
      self.peerStreaming.withLock { $0 = streaming }
    }
    self.keepalive.interval = max(
      self.keepalive.interval, .milliseconds(Int64(settings.minPingMilliseconds)))
    self.handshakeTimer?.cancel()
    for (slot, method) in settings.methods.enumerated() {
      self.methodSlots[MethodHash.hash(method)] = UInt16(slot)
    }
    self.onReady(self)
  }

  private func receiveResponse(_ frame: Frame) throws(ProtocolViolation) {
    guard frame.header.flags.contains(.end) else {
      throw ProtocolViolation(.malformedFrame, "a response has END")
    }
    var body = frame.body
    let metadata =
      frame.header.flags.contains(.metadata) ? try RPCMetadata(from: &body) : RPCMetadata()
    // An answer to a call that was given up in the meantime is legal and late.
    guard let call = self.finishedCall(frame.header.stream) else { return }
    let status = frame.header.status
    if status == .ok, call.messages?.isWithinMessage == true {
      call.fail(RPCError(.internal, "the server's answer ends within a message"), self.lane)
      throw ProtocolViolation(.malformedFrame, "a stream ends within a message")
    }
    if status != .ok {
      self.answer(call, Self.error(status, frame.header, metadata, body))
    } else if frame.header.flags.contains(.message) {
      self.answer(call, body, metadata)
    } else {
      self.answer(call, nil, metadata)
    }
    self.closeIfIdle()
  }

  private func answer(_ call: Call, _ error: RPCError) {
    call.messages?.incomingEnded(.failure(error), trailing: error.metadata)
    call.messages?.close(error, lane: self.lane, keepsUnread: true)
    call.finish(.failure(error))
  }

  /// - Parameter message: nil when it came in DATA, or there is none.
  private func answer(_ call: Call, _ message: ByteBuffer?, _ metadata: RPCMetadata) {
    if !metadata.isEmpty { call.rpc.options.onResponseMetadata?(metadata) }
    guard let messages = call.messages else {
      return call.finish(
        message.map { .success($0) }
          ?? .failure(RPCError(.internal, "the server answered without a message")))
    }
    if let message { messages.deliver(message) }
    messages.incomingEnded(.success(()), trailing: metadata)
    messages.close(nil, lane: self.lane, keepsUnread: true)
    guard call.continuation != nil else { return }
    call.finish(
      messages.takeOnly().map { .success($0) }
        ?? .failure(RPCError(.internal, "the server answered with more or less than one message")))
  }

  private func receiveReset(_ frame: Frame) {
    guard let call = self.finishedCall(frame.header.stream) else { return }
    let status = frame.header.status
    call.fail(
      Self.error(status == .ok ? .unknown : status, frame.header, RPCMetadata(), frame.body),
      self.lane)
    self.closeIfIdle()
  }

  private static func error(
    _ status: RPCStatus, _ header: FrameHeader, _ metadata: RPCMetadata, _ body: ByteBuffer
  ) -> RPCError {
    let subReason = SubReason(rawValue: UInt8(header.code >> 8))
    var metadata = metadata
    return RPCError(
      status, String(decoding: body.readableBytesView, as: UTF8.self),
      reason: metadata.remove("\(RPCError.reasonKey)"), metadata: metadata,
      notProcessed: subReason.contains(.notProcessed),
      overloaded: subReason.contains(.overloaded), doNotRetry: subReason.contains(.doNotRetry))
  }

  private func finishedCall(_ stream: StreamID) -> Call? {
    guard let call = self.call(of: stream) else { return nil }
    self.release(stream)
    return call
  }

  /// Calls that the server has not taken on had no effect; the others are still answered.
  private func receiveGoAway(_ goAway: GoAway) {
    self.retire(
      RPCError(.unavailable, "the server went away: \(goAway.message)", notProcessed: true))
    let error = RPCError(
      .unavailable, "the server went away: \(goAway.message)", notProcessed: true)
    for call in self.slots {
      guard let call, let stream = call.stream, call.number >= goAway.acceptedCalls else {
        continue
      }
      self.release(stream)
      call.fail(error, self.lane)
    }
    self.closeIfIdle()
  }

  /// The server will soon take no more calls: they go elsewhere already, and none is refused.
  private func receiveDrain() {
    self.retire(RPCError(.unavailable, "the server goes away", notProcessed: true))
    self.closeIfIdle()
  }

  // MARK: ending

  private func retire(_ error: RPCError) {
    guard !self.isRetired else { return }
    self.isRetired = true
    self.onRetired(self, error)
  }

  private func closeIfIdle() {
    guard self.isRetired, self.callsInFlight == 0, !self.isEnded else { return }
    self.close(RPCError(.unavailable, "the connection has ended", notProcessed: true))
  }

  override func ended(_ error: RPCError) {
    self.handshakeTimer?.cancel()
    self.retire(error)
    // Whether these had an effect nobody can say: `notProcessed` stays false.
    let calls = exchange(&self.slots, with: [])
    self.callsInFlight = 0
    for call in calls {
      call?.fail(RPCError(error.status, error.message, notProcessed: false), self.lane)
    }
  }

  override func expireCalls(now: NIODeadline) -> NIODeadline? {
    var next: NIODeadline?
    for call in self.slots {
      guard let call, let deadline = call.deadline else { continue }
      if deadline <= now {
        self.abort(call, .deadlinePassed(notProcessed: false))
      } else {
        next = next.map { min($0, deadline) } ?? deadline
      }
    }
    return next
  }

  override var isWaiting: Bool { self.callsInFlight > 0 }
}

extension RPCError {
  static func cancelledByCaller(notProcessed: Bool) -> RPCError {
    RPCError(.cancelled, "the caller cancelled the call", notProcessed: notProcessed)
  }

  static func deadlinePassed(notProcessed: Bool) -> RPCError {
    RPCError(.deadlineExceeded, "no answer before the deadline", notProcessed: notProcessed)
  }
}
