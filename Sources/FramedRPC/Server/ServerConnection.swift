package import NIOCore

/// The server's end of one connection.
package final class ServerConnection: FramedConnection, @unchecked Sendable {
  /// One call that the peer still waits for. Touched only on the connection's loop.
  final class Call: CallState, @unchecked Sendable {
    let connection: ServerConnection
    let stream: StreamID
    let started: NIODeadline
    /// The slot of the method.
    let method: Int
    /// What its handler is to do, until it begins.
    @exclusivity(unchecked) var work: Work?
    @exclusivity(unchecked) var task: Task<Void, Never>?
    /// Of a call that is more than one frame each way.
    @exclusivity(unchecked) var messages: MessageStream?
    /// While it waits to be run …
    @exclusivity(unchecked) var ticket: Admission.Ticket?
    /// … and while it is run, if the server has a limit.
    @exclusivity(unchecked) var place: Admission.Place?

    init(
      connection: ServerConnection, stream: StreamID, deadline: NIODeadline?,
      started: NIODeadline, method: Int, metadata: RPCMetadata, route: CallRoute
    ) {
      self.connection = connection
      self.stream = stream
      self.started = started
      self.method = method
      super.init(deadline: deadline, metadata: metadata, route: route)
    }

    /// When it is over, whatever happens.
    var expiry: NIODeadline? {
      guard let ticket = self.ticket else { return self.deadline }
      return self.deadline.map { min($0, ticket.until) } ?? ticket.until
    }

    /// For RESPONSE.
    func microseconds(until now: NIODeadline) -> UInt32 {
      UInt32(clamping: (now - self.started).nanoseconds / 1000)
    }
  }

  let table: MethodTable
  /// nil when calls run as soon as they come.
  let admission: Admission?
  let handlerTasks: HandlerTasks
  private let statistics: LoopStatistics?
  let onUnhandledError: @Sendable (any Error, RPCContext) -> Void
  /// Told once, when the wire is gone and no handler runs any more.
  private let onEnd: @Sendable (ServerConnection) -> Void

  @exclusivity(unchecked) private var calls: [Call?] = []
  /// By slot of the method; made at its first call.
  @exclusivity(unchecked) private var routes: [CallRoute?]
  /// Handlers that run, also those whose caller has left, and calls that wait to be run: the limit
  /// counts them, so that a flood of resets cannot start more work than it allows.
  @exclusivity(unchecked) package internal(set) var runningHandlers = 0
  /// Calls that the peer waits for, also those whose answer is still leaving.
  @exclusivity(unchecked) private var openCalls = 0
  @exclusivity(unchecked) private var accepted: UInt64 = 0
  @exclusivity(unchecked) private var startedCalls: UInt64 = 0
  @exclusivity(unchecked) private var succeededCalls: UInt64 = 0
  @exclusivity(unchecked) private var failedCalls: UInt64 = 0
  @exclusivity(unchecked) var maxPeerFrameBytes = FrameHeader.minLimit
  private var handshakeTimer: Scheduled<Void>?
  @exclusivity(unchecked) private var isReady = false
  @exclusivity(unchecked) var peerStreaming: StreamingLimits?
  /// Told to go elsewhere, but what still comes is taken on.
  @exclusivity(unchecked) private var isLeaving = false
  /// The body of the PING that went with DRAIN.
  private var leavePing = ByteBuffer()
  private var leaveTimer: Scheduled<Void>?
  private var ageTimer: Scheduled<Void>?
  @exclusivity(unchecked) private var isDraining = false
  private var isOver = false
  private var isAttached = false

  package init(
    loop: any EventLoop, limits: RPCLimits, table: MethodTable, handlerTasks: HandlerTasks,
    statistics: LoopStatistics? = nil,
    admission: Admission? = nil,
    onUnhandledError: @escaping @Sendable (any Error, RPCContext) -> Void = { _, _ in },
    onEnd: @escaping @Sendable (ServerConnection) -> Void = { _ in }
  ) {
    self.table = table
    self.routes = Array(repeating: nil, count: table.methods.count)
    self.handlerTasks = handlerTasks
    self.statistics = statistics
    self.admission = admission
    self.onUnhandledError = onUnhandledError
    self.onEnd = onEnd
    super.init(loop: loop, limits: limits, expectedMagic: Handshake.magic)
  }

  package override func attach(_ wire: any Wire) {
    super.attach(wire)
    self.isAttached = true
    self.handlerTasks.join()
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
    case .data where frame.header.flags.contains(.metadata):
      throw ProtocolViolation(.malformedFrame, "a client's metadata goes with its REQUEST")
    case .data: try self.receiveData(frame)
    case .window: try self.receiveWindow(frame)
    case .reset: self.receiveReset(frame)
    case .ping: self.send(FrameHeader(type: .pong), body: frame.body)
    case .pong:
      self.receivePong(frame)
      // The client has read DRAIN before it answered: what it sends from now on goes elsewhere.
      if self.isLeaving, frame.body == self.leavePing { self.goAway() }
    case .goAway: break
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
    self.leaveTimer?.cancel()
    self.ageTimer?.cancel()
    for call in self.calls {
      guard let call else { continue }
      if let ticket = call.ticket { self.leaveQueue(call, ticket, nil) }
      call.task?.cancel()
      call.messages?.close(error, lane: self.lane, keepsUnread: false)
      self.count(call, .cancelled, self.loop.now)
    }
    self.calls.removeAll()
    self.openCalls = 0
  }

  override func wireHasGone() {
    self.endIfOver()
  }

  func endIfOver() {
    guard self.wireIsGone, self.runningHandlers == 0, !self.isOver else { return }
    self.isOver = true
    if self.isAttached { self.handlerTasks.leave() }
    self.onEnd(self)
  }

  override func expireCalls(now: NIODeadline) -> NIODeadline? {
    var next: NIODeadline?
    for call in self.calls {
      guard let call, let deadline = call.expiry else { continue }
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
    let error =
      call.ticket.map { self.expiredInQueue(call, $0, now) } ?? Self.deadlinePassed
    self.send(error, call.stream, call.microseconds(until: now))
    self.giveUp(call, error)
  }

  /// Frees the call's slot and cancels its handler, which knows it when its messages end.
  func giveUp(_ call: Call, _ error: RPCError) {
    if let ticket = call.ticket { self.leaveQueue(call, ticket, nil) }
    self.release(call, error.status, self.loop.now)
    call.task?.cancel()
    call.messages?.close(error, lane: self.lane, keepsUnread: false)
    self.closeIfDrained()
  }

  static let deadlinePassed = RPCError(
    .deadlineExceeded, "the deadline passed while the call ran")

  /// A peer that does not read gets nothing more to answer.
  override func writabilityChanged(_ isWritable: Bool) {
    self.setReading(isWritable)
  }

  /// Accepts no more calls, finishes those that run, then closes.
  ///
  /// Says so with DRAIN first: a client that heeds it sends no more calls here, so that the GOAWAY,
  /// which follows its PONG or after ``drainNotice``, refuses none.
  package func drain() {
    self.loop.assertInEventLoop()
    guard !self.isEnded, !self.isLeaving, !self.isDraining else { return }
    guard self.isReady else { return self.goAway() }
    self.isLeaving = true
    self.send(FrameHeader(type: .drain))
    self.leavePing = self.ping()
    self.leaveTimer = self.loop.scheduleTask(in: Self.drainNotice) { self.goAway() }
  }

  /// How long a client may take to heed DRAIN.
  static let drainNotice: TimeAmount = .seconds(1)

  private func goAway() {
    self.isLeaving = false
    self.leaveTimer?.cancel()
    guard !self.isEnded, !self.isDraining else { return }
    self.isDraining = true
    self.sendRaw {
      GoAway(acceptedCalls: self.accepted, reason: .shutdown, message: "the server shuts down")
        .write(into: &$0)
    }
    self.closeIfDrained()
  }

  /// The connection is old: it is drained, and ended when that takes too long.
  private func watchAge() {
    guard let age = self.limits.maxConnectionAge else { return }
    let seconds = age / .seconds(1) * Double.random(in: 0.9...1.1)
    self.ageTimer = self.loop.scheduleTask(in: TimeAmount(.seconds(seconds))) {
      self.drain()
      self.ageTimer = self.loop.scheduleTask(in: TimeAmount(self.limits.maxConnectionAgeGrace)) {
        self.abandon()
      }
    }
  }

  /// Ends now, whatever runs: cancels the handlers, and gives answers that have not left two more
  /// seconds.
  package func abandon() {
    self.loop.assertInEventLoop()
    self.close(
      RPCError(.unavailable, "the server has shut down"), within: SocketWire.lingerTimeout)
  }

  func closeIfDrained() {
    guard self.isDraining, self.runningHandlers == 0, self.openCalls == 0 else { return }
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
    self.peerStreaming = hello.streaming
    if let streaming = hello.streaming {
      self.beginStreaming(streaming)
    }
    self.sendRaw {
      Settings(
        maxFrameBytes: self.limits.maxFrameBytes,
        maxConcurrentCalls: self.limits.maxConcurrentCalls,
        methods: self.table.methods.map(\.fullName), streaming: self.streaming,
        minPingMilliseconds: Int(self.limits.minPingInterval / .milliseconds(1))
      ).write(into: &$0)
    }
    self.watchAge()
  }

  private func receiveReset(_ frame: Frame) {
    guard let call = self.call(of: frame.header.stream) else { return }
    let error =
      frame.header.status == .deadlineExceeded
      ? Self.deadlinePassed : RPCError(.cancelled, "the caller has left")
    self.giveUp(call, error)
  }

  private func call(of stream: StreamID) -> Call? {
    guard self.calls.indices.contains(stream.slot), let call = self.calls[stream.slot],
      call.stream == stream
    else { return nil }
    return call
  }

  // MARK: streams

  override var isWaiting: Bool { self.openCalls > 0 }

  override func stream(_ id: StreamID) -> MessageStream? { self.call(of: id)?.messages }

  /// The call fails here and now: its peer sent what may not be.
  override func abort(_ stream: MessageStream, _ error: RPCError) {
    guard let call = self.call(of: stream.id), call.messages === stream else { return }
    self.send(error, call.stream, call.microseconds(until: self.loop.now))
    self.giveUp(call, error)
  }

  /// A handler's task, or one that it has made: the call goes on.
  override func waiterCancelled(_ stream: MessageStream) {
    stream.interrupt()
  }

  override func sendMetadata(_ metadata: RPCMetadata, of stream: MessageStream) {
    var body = ByteBuffer()
    metadata.write(into: &body)
    let send = { @Sendable [body] in
      guard !stream.isClosed else { return }
      self.send(FrameHeader(type: .data, flags: .metadata, stream: stream.id), body: body)
    }
    if self.loop.inEventLoop {
      send()
    } else {
      self.loop.execute(send)
    }
  }

  override func sendEnding(_ ending: MessageStream.Ending, of stream: MessageStream) {
    guard case .response(let error, let metadata) = ending, let call = self.call(of: stream.id),
      call.messages === stream
    else { return }
    let now = self.loop.now
    let microseconds = call.microseconds(until: now)
    if let error {
      self.send(error, call.stream, microseconds)
    } else {
      self.sendAnswer(nil, metadata, call.stream, microseconds)
    }
    self.release(call, error?.status ?? .ok, now)
    stream.close(error, lane: self.lane, keepsUnread: false)
    self.closeIfDrained()
  }

  /// Frees the slot of a call that has ended.
  func release(_ call: Call, _ status: RPCStatus, _ now: NIODeadline) {
    self.calls[call.stream.slot] = nil
    self.openCalls -= 1
    self.count(call, status, now)
  }

  private func count(_ call: Call, _ status: RPCStatus, _ now: NIODeadline) {
    if status == .ok { self.succeededCalls += 1 } else { self.failedCalls += 1 }
    call.route.counts?.ended(
      status, microseconds: call.microseconds(until: now), RPCContext(call))
  }

  /// What the connection has done, on its loop.
  func connectionStatistics() -> FramedrpcV1.ConnectionStatistics {
    self.loop.assertInEventLoop()
    return FramedrpcV1.ConnectionStatistics(
      peer: self.peer.address,
      ageMs: (self.loop.now - self.began).nanoseconds / 1_000_000,
      callsStarted: self.startedCalls, callsSucceeded: self.succeededCalls,
      callsFailed: self.failedCalls, inFlight: UInt32(self.runningHandlers),
      bytesReceived: self.bytesReceived, bytesSent: self.bytesSent,
      queuedBytes: UInt64(max(self.queuedBytes, 0)))
  }

  // MARK: calls

  private func receiveRequest(_ frame: Frame) throws(ProtocolViolation) {
    let stream = frame.header.stream
    if !self.isDraining {
      // Every REQUEST counts, also one that is refused: the client counts those it sends.
      self.accepted += 1
    }
    let isWhole = frame.header.flags.isSuperset(of: [.message, .end])
    guard isWhole || self.peerStreaming != nil else {
      throw ProtocolViolation(.malformedFrame, "a unary request has MSG and END")
    }
    var body = frame.body
    let metadata =
      frame.header.flags.contains(.metadata) ? try RPCMetadata(from: &body) : RPCMetadata()
    let slot: Int?
    if Int(frame.header.code) == MethodTable.slotByHash {
      guard let hash = body.readInteger(endianness: .little, as: UInt64.self) else {
        throw ProtocolViolation(.malformedFrame, "the method's hash is cut off")
      }
      slot = self.table.slot(hash: hash)
    } else {
      slot = self.table.slot(frame.header.code)
    }
    guard !self.isInUse(stream) else {
      throw ProtocolViolation(.streamInUse, "stream \(stream.slot) has a call already")
    }
    guard !self.isDraining else {
      return self.reject(stream, .unavailable, "the server shuts down", slot)
    }
    guard stream.slot < self.limits.maxConcurrentCalls,
      self.runningHandlers < self.limits.maxConcurrentCalls
    else {
      return self.reject(
        stream, .resourceExhausted,
        "more than \(self.limits.maxConcurrentCalls) calls at once on one connection", slot)
    }
    guard self.queuedBytes <= self.limits.maxQueuedBytes else {
      return self.reject(
        stream, .resourceExhausted, "answers are not read as fast as calls are made", slot)
    }
    guard let slot else {
      return self.reject(stream, .unimplemented, "there is no such method")
    }
    // All requests of one read came at one time.
    let now = self.lastReceived
    let deadline =
      frame.header.aux == 0 ? nil : now + .microseconds(Int64(frame.header.aux))
    let call = Call(
      connection: self, stream: stream, deadline: deadline, started: now, method: slot,
      metadata: metadata, route: self.route(slot))
    if isWhole, case .unary(let handler) = self.table.methods[slot].handler {
      self.start(call, .unary(handler, body))
    } else {
      self.startStream(call, frame.header.flags, body)
    }
  }

  private func route(_ slot: Int) -> CallRoute {
    if let route = self.routes[slot] { return route }
    let method = self.table.methods[slot]
    let route = CallRoute(
      method: method.fullName, peer: self.peer, servicePriority: method.priority,
      counts: self.statistics?.method(slot))
    self.routes[slot] = route
    return route
  }

  private func startStream(_ call: Call, _ flags: FrameFlags, _ body: ByteBuffer) {
    guard let peer = self.peerStreaming else {
      return self.reject(
        call.stream, .unimplemented, "the client has no streaming", call.method)
    }
    let method = self.table.methods[call.method]
    let messages = MessageStream(
      connection: self, peer: peer, countsQueue: !method.kind.serverStreams)
    messages.start(as: call.stream)
    call.messages = messages
    if flags.contains(.message) { messages.deliver(body) }
    if flags.contains(.end) { messages.endedWithRequest() }
    let stream = RPCByteStream(messages, isClient: false)
    switch method.handler {
    case .streaming(let handler): self.start(call, .streaming(handler, stream))
    case .unary(let handler): self.start(call, .unaryInChunks(handler, stream))
    }
  }

  private func start(_ call: Call, _ work: consuming Work) {
    call.work = consume work
    while self.calls.count <= call.stream.slot {
      self.calls.append(nil)
    }
    self.calls[call.stream.slot] = call
    self.runningHandlers += 1
    self.openCalls += 1
    self.startedCalls += 1
    call.route.counts?.inFlight += 1
    if self.openCalls == 1 { self.keepalive.begin(self, now: call.started) }
    if let deadline = call.deadline {
      self.watch(deadline)
    }
    if let admission = self.admission {
      guard self.enter(admission, call) else { return }
    }
    self.run(call)
  }

  /// Begins the handler's work.
  func run(_ call: Call) {
    self.handlerTasks.run(
      call, self.table.methods[call.method].execution, mayWait: self.isReading)
  }

  override func framesWereRead() {
    self.handlerTasks.runWaiting()
  }

  private func isInUse(_ stream: StreamID) -> Bool {
    self.calls.indices.contains(stream.slot) && self.calls[stream.slot] != nil
  }

  /// By identity: a stream id comes again after 4,096 uses of its slot, and a handler may outlive
  /// them all.
  func isWaitedFor(_ call: Call) -> Bool {
    let slot = call.stream.slot
    return self.calls.indices.contains(slot) && self.calls[slot] === call
  }

  /// The handler has ended. The call may go on while its messages leave, but its task is not its own
  /// any more.
  ///
  /// - Parameters:
  ///   - message: nil when there is an error, or all messages were written to the stream.
  ///   - failure: what the handler threw; nil when it has returned.
  func finish(_ call: Call, _ message: ByteBuffer?, _ failure: (any Error)?) {
    self.loop.assertInEventLoop()
    self.runningHandlers -= 1
    call.task = nil
    defer {
      self.closeIfDrained()
      self.endIfOver()
    }
    if let failure { self.report(failure, RPCContext(call)) }
    let now = self.loop.now
    let isWaitedFor = !self.isEnded && self.isWaitedFor(call)
    if let place = call.place {
      // A handler that was cancelled early did not take its time.
      let isExpired = call.deadline.map { $0 <= now } ?? false
      self.admission?.leave(place, isMeasured: isWaitedFor || isExpired, now: now)
    }
    guard isWaitedFor else { return }
    if let failure {
      let error = Self.rpcError(failure, call, now)
      if let messages = call.messages {
        messages.end(.response(error, RPCMetadata()))
      } else {
        self.release(call, error.status, now)
        self.send(error, call.stream, call.microseconds(until: now))
      }
    } else {
      self.answer(call, message, call.takeTrailers(), now)
    }
    if self.queuedBytes > self.limits.maxUnreadBytes {
      self.drop(RPCError(.unavailable, "the peer does not read its answers"))
    }
  }

  /// Not inlined: seldom needed, and long.
  ///
  /// - Parameter method: the slot of the method, if there is one.
  @inline(never)
  private func reject(
    _ stream: StreamID, _ status: RPCStatus, _ message: String, _ method: Int? = nil
  ) {
    if let method { self.statistics?.refused(method, status) }
    self.send(RPCError(status, message, notProcessed: true), stream, 0)
  }
}
