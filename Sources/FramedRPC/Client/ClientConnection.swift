package import NIOCore
import Synchronization

/// The client's end of one connection: many calls at once, each in a slot of its own.
package final class ClientConnection: FramedConnection, @unchecked Sendable {
  /// One call on its way. Touched only on the connection's loop once it was submitted.
  package final class Call: @unchecked Sendable {
    let method: String
    let hash: UInt64
    let request: ByteBuffer
    let metadata: RPCMetadata
    let deadline: NIODeadline?
    fileprivate var continuation: UnsafeContinuation<ByteBuffer, any Error>?
    fileprivate var stream: StreamID?
    fileprivate var number: UInt64 = 0
    fileprivate var isCancelled = false

    package init(
      method: String, hash: UInt64, request: ByteBuffer, metadata: RPCMetadata,
      deadline: NIODeadline?
    ) {
      self.method = method
      self.hash = hash
      self.request = request
      self.metadata = metadata
      self.deadline = deadline
    }

    fileprivate func finish(_ result: Result<ByteBuffer, RPCError>) {
      guard let continuation = self.continuation else { return }
      self.continuation = nil
      switch result {
      case .success(let message): continuation.resume(returning: message)
      case .failure(let error): continuation.resume(throwing: error)
      }
    }
  }

  private let onReady: @Sendable (ClientConnection) -> Void
  /// Called once, when the connection takes no more calls.
  private let onRetired: @Sendable (ClientConnection, RPCError) -> Void

  private let submitted = Mutex<[Call]>([])

  private var slots: [Call?] = []
  private var generations: [UInt32] = []
  private var freeSlots: [Int] = []
  private var callsSent: UInt64 = 0
  private var callsInFlight = 0
  private(set) var settings: Settings?
  private var methodSlots: [UInt64: UInt16] = [:]
  private var lastMethod: (hash: UInt64, slot: UInt16) = (0, 0)
  private var isRetired = false
  private var handshakeTimer: Scheduled<Void>?
  /// Runs while calls wait, and at most once an interval; nil when the next call must start it.
  private var keepaliveTimer: Scheduled<Void>?
  /// When the first of the calls in flight began to wait.
  private var waitingSince = NIODeadline.uptimeNanoseconds(0)
  private var pingSent: NIODeadline?

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
    self.sendRaw { Hello(maxFrameBytes: self.limits.maxFrameBytes).write(into: &$0) }
    self.handshakeTimer = self.loop.scheduleTask(in: TimeAmount(self.limits.handshakeTimeout)) {
      self.close(RPCError(.unavailable, "the server did not answer the handshake"))
    }
  }

  /// The methods the server offers, in the order of their slots.
  package var methods: [String] { self.settings?.methods ?? [] }

  // MARK: calls, from any thread

  /// Sends one request and waits for its answer; cancelling the task cancels the call.
  ///
  /// - Parameter now: the loop's time, when the caller has just read it: a clock costs a tenth of a
  ///   microsecond.
  package func call(_ call: Call, now: NIODeadline? = nil) async throws -> ByteBuffer {
    // On the loop the request would leave before the cancellation could be heard.
    guard !Task.isCancelled else { throw RPCError.cancelledByCaller(notProcessed: true) }
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        call.continuation = continuation
        self.submit(call, now: now)
      }
    } onCancel: {
      self.loop.execute { self.cancel(call) }
    }
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
  private func submit(_ call: Call, now: NIODeadline?) {
    if self.loop.inEventLoop {
      return self.start(call, now: now ?? self.loop.now)
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
    guard !call.isCancelled else {
      return call.finish(.failure(.cancelledByCaller(notProcessed: true)))
    }
    guard let slot = self.methodSlot(of: call), self.hasRoom(for: call) else {
      return call.finish(.failure(self.refusal(of: call)))
    }
    var remaining: UInt32 = 0
    if let deadline = call.deadline {
      let microseconds = (deadline - now).nanoseconds / 1000
      guard microseconds > 0 else {
        return call.finish(.failure(.deadlinePassed(notProcessed: true)))
      }
      remaining = UInt32(clamping: microseconds)
      self.watch(deadline)
    }
    if self.callsInFlight == 0 { self.beginWaiting(now) }
    let stream = self.takeSlot(call)
    let metadataBytes = call.metadata.wireByteCount
    let header = FrameHeader(
      length: call.request.readableBytes + metadataBytes, type: .request,
      flags: metadataBytes == 0 ? [.message, .end] : [.message, .end, .metadata], code: slot,
      stream: stream, aux: remaining)
    self.sendRaw { output in
      header.write(into: &output)
      if metadataBytes > 0 {
        call.metadata.write(into: &output)
      }
      output.writeImmutableBuffer(call.request)
    }
  }

  /// Calls come in runs of one method, so that the last answer mostly fits.
  private func methodSlot(of call: Call) -> UInt16? {
    if call.hash == self.lastMethod.hash { return self.lastMethod.slot }
    guard let slot = self.methodSlots[call.hash] else { return nil }
    self.lastMethod = (call.hash, slot)
    return slot
  }

  private func hasRoom(for call: Call) -> Bool {
    guard !self.isEnded, !self.isRetired, let settings = self.settings else { return false }
    return call.request.readableBytes + call.metadata.wireByteCount <= settings.maxFrameBytes
      && self.callsInFlight < settings.maxConcurrentCalls
      && self.queuedBytes <= self.limits.maxQueuedBytes
  }

  /// Why the call cannot even be sent.
  private func refusal(of call: Call) -> RPCError {
    guard !self.isEnded, !self.isRetired, let settings = self.settings else {
      return RPCError(.unavailable, "the connection is closing", notProcessed: true)
    }
    guard self.methodSlots[call.hash] != nil else {
      return RPCError(
        .unimplemented, "the server does not offer \(call.method)", notProcessed: true)
    }
    let bytes = call.request.readableBytes + call.metadata.wireByteCount
    guard bytes <= settings.maxFrameBytes else {
      return RPCError(
        .resourceExhausted,
        "the request of \(bytes) bytes is over the server's limit of "
          + "\(settings.maxFrameBytes)", notProcessed: true)
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
    call.isCancelled = true
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
    call.finish(.failure(error))
    self.closeIfIdle()
  }

  // MARK: frames

  override func receive(_ frame: Frame) throws(ProtocolViolation) {
    switch frame.header.type {
    case .settings where self.settings == nil: try self.receiveSettings(frame)
    case .response: try self.receiveResponse(frame)
    case .reset: self.receiveReset(frame)
    case .ping: self.send(FrameHeader(type: .pong), body: frame.body)
    case .pong: self.pingSent = nil
    case .goAway: self.receiveGoAway(try GoAway(from: frame.body))
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
    self.handshakeTimer?.cancel()
    for (slot, method) in settings.methods.enumerated() {
      self.methodSlots[MethodHash.hash(method)] = UInt16(slot)
    }
    self.onReady(self)
  }

  private func receiveResponse(_ frame: Frame) throws(ProtocolViolation) {
    guard frame.header.flags.isSuperset(of: [.message, .end]) else {
      throw ProtocolViolation(.malformedFrame, "a unary response has MSG and END")
    }
    var body = frame.body
    let metadata =
      frame.header.flags.contains(.metadata) ? try RPCMetadata(from: &body) : RPCMetadata()
    // An answer to a call that was given up in the meantime is legal and late.
    guard let call = self.finishedCall(frame.header.stream) else { return }
    let status = RPCStatus(rawValue: UInt8(frame.header.code & 0xFF)) ?? .unknown
    if status == .ok {
      call.finish(.success(body))
    } else {
      call.finish(.failure(Self.error(status, frame.header, metadata, body)))
    }
    self.closeIfIdle()
  }

  private func receiveReset(_ frame: Frame) {
    guard let call = self.finishedCall(frame.header.stream) else { return }
    let status = RPCStatus(rawValue: UInt8(frame.header.code & 0xFF)) ?? .unknown
    call.finish(
      .failure(
        Self.error(status == .ok ? .unknown : status, frame.header, RPCMetadata(), frame.body)))
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
      notProcessed: subReason.contains(.notProcessed))
  }

  private func finishedCall(_ stream: StreamID) -> Call? {
    guard self.slots.indices.contains(stream.slot), let call = self.slots[stream.slot],
      call.stream == stream
    else { return nil }
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
      call.finish(.failure(error))
    }
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
    self.keepaliveTimer?.cancel()
    self.retire(error)
    // Whether these had an effect nobody can say: `notProcessed` stays false.
    let calls = exchange(&self.slots, with: [])
    self.callsInFlight = 0
    for call in calls {
      call?.finish(
        .failure(RPCError(error.status, error.message, notProcessed: false)))
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

  private func beginWaiting(_ now: NIODeadline) {
    self.waitingSince = now
    if self.keepaliveTimer == nil {
      self.keepAlive(at: now + TimeAmount(self.limits.keepaliveInterval))
    }
  }

  private func keepAlive(at time: NIODeadline) {
    self.keepaliveTimer = self.loop.scheduleTask(deadline: time) {
      self.keepaliveTimer = nil
      self.keepAlive()
    }
  }

  /// A silent server that owes an answer is asked whether it lives.
  private func keepAlive() {
    guard !self.isEnded else { return }
    let now = self.loop.now
    if let pingSent = self.pingSent, self.lastReceived < pingSent {
      let due = pingSent + TimeAmount(self.limits.keepaliveTimeout)
      guard now >= due else { return self.keepAlive(at: due) }
      return self.close(RPCError(.unavailable, "the server does not answer pings"))
    }
    self.pingSent = nil
    guard self.callsInFlight > 0 else { return }
    let silentSince = max(self.lastReceived, self.waitingSince)
    let due = silentSince + TimeAmount(self.limits.keepaliveInterval)
    guard now >= due else { return self.keepAlive(at: due) }
    self.pingSent = now
    self.send(FrameHeader(type: .ping), body: ByteBuffer(integer: UInt64(now.uptimeNanoseconds)))
    self.keepAlive(at: now + TimeAmount(self.limits.keepaliveTimeout))
  }
}

extension RPCError {
  static func cancelledByCaller(notProcessed: Bool) -> RPCError {
    RPCError(.cancelled, "the caller cancelled the call", notProcessed: notProcessed)
  }

  static func deadlinePassed(notProcessed: Bool) -> RPCError {
    RPCError(.deadlineExceeded, "no answer before the deadline", notProcessed: notProcessed)
  }
}
