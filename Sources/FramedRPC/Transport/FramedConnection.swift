package import NIOCore
import Synchronization

/// What both ends of a connection share: bytes to frames, frames to bytes, one write a tick, and
/// the timers that no hostile peer can hold open.
///
/// `@unchecked Sendable`: every stored property is touched only on `loop`; each entry from outside
/// asserts it. Subclasses keep the same rule.
///
/// `@exclusivity(unchecked)` stands before what every frame touches and nothing else can reach while
/// it changes: the checks at run time were a tenth of the instructions of a call.
package class FramedConnection: @unchecked Sendable {
  package let loop: any EventLoop
  let limits: RPCLimits
  /// Who is at the other end; set before ``attach(_:)``.
  package var peer = RPCPeer()
  /// What this end says of streams.
  let streaming: StreamingLimits
  @exclusivity(unchecked) private(set) var wire: (any Wire)?
  @exclusivity(unchecked) private(set) var isEnded = false
  /// The wire while its last bytes leave.
  private var closingWire: (any Wire)?
  private(set) var wireIsGone = false
  @exclusivity(unchecked) private(set) var lastReceived: NIODeadline
  let began: NIODeadline
  @exclusivity(unchecked) private(set) var bytesReceived: UInt64 = 0
  @exclusivity(unchecked) private(set) var bytesSent: UInt64 = 0

  @exclusivity(unchecked) private var parser: FrameParser
  /// The magic that must come before the first frame (server side), as far as it is missing.
  @exclusivity(unchecked) private var missingMagic: ArraySlice<UInt8>
  @exclusivity(unchecked) private var output = ByteBuffer()
  @exclusivity(unchecked) private(set) var isReading = false
  /// False while the peer reads more slowly than we write; as the wire last said.
  @exclusivity(unchecked) private var isWritable = true
  private var writeTimer: Scheduled<Void>?
  /// Whether this end has stopped to read, so that a frame that does not arrive is its own doing.
  @exclusivity(unchecked) private(set) var isPaused = false
  @exclusivity(unchecked) private var flushIsScheduled = false
  @exclusivity(unchecked) private var isFlushing = false
  @exclusivity(unchecked) private var nextFlushBytes = FramedConnection.flushBytes.first
  private var partialFrameTimer: Scheduled<Void>?
  /// When the frame that is incomplete now began to arrive.
  @exclusivity(unchecked) private var partialFrameBegan: NIODeadline?
  private var sweepTimer: Scheduled<Void>?
  @exclusivity(unchecked) private var sweepTime: NIODeadline?
  /// Made when the first stream needs it: most connections have unary calls only.
  private(set) lazy var lane = DataLane(connection: self)
  @exclusivity(unchecked) private var hasLane = false
  /// A write is on its way whose end is waited for before more DATA follows.
  @exclusivity(unchecked) private var isPacing = false
  let keepalive: Keepalive
  private let turn: LoopTurn
  /// Bytes of messages that wait in the streams.
  private let streamBytes = Atomic(0)

  init(loop: any EventLoop, limits: RPCLimits, expectedMagic: [UInt8] = []) {
    self.loop = loop
    self.limits = limits
    self.parser = FrameParser(maxFrameBytes: limits.maxFrameBytes)
    self.missingMagic = expectedMagic[...]
    self.lastReceived = loop.now
    self.began = self.lastReceived
    self.streaming = limits.streaming
    self.keepalive = Keepalive(limits: limits)
    self.turn = LoopTurn.of(loop)
  }

  // MARK: what a subclass answers

  /// One frame arrived.
  func receive(_ frame: Frame) throws(ProtocolViolation) {
    preconditionFailure("a connection handles its frames")
  }

  /// All frames of a read have been received, but for one that breaks the protocol.
  func framesWereRead() {}

  /// Nothing more can be sent or received. Called once.
  func ended(_ error: RPCError) {}

  /// The last bytes have left too, or nobody wanted them. Called once, after `ended`.
  func wireHasGone() {}

  /// Ends the calls whose deadline has passed and returns the earliest deadline left.
  func expireCalls(now: NIODeadline) -> NIODeadline? { nil }

  /// The peer can be written to again, or no longer.
  func writabilityChanged(_ isWritable: Bool) {}

  /// Whether this end waits for the peer, so that a silent peer must be asked whether it lives.
  var isWaiting: Bool { false }

  /// The call of the stream at this end, if it is still there.
  func stream(_ id: StreamID) -> MessageStream? { nil }

  /// Ends one call with an error, here and at the peer.
  func abort(_ stream: MessageStream, _ error: RPCError) {}

  /// The task that reads or writes a call's messages was cancelled.
  func waiterCancelled(_ stream: MessageStream) {}

  /// Metadata before the first message of a call, from any thread.
  func sendMetadata(_ metadata: RPCMetadata, of stream: MessageStream) {}

  /// All messages of a call have left; now its last word.
  func sendEnding(_ ending: MessageStream.Ending, of stream: MessageStream) {}

  /// The last GOAWAY field: calls this end has taken on.
  var acceptedCalls: UInt64 { 0 }

  // MARK: entries of the transport

  package func attach(_ wire: any Wire) {
    self.loop.assertInEventLoop()
    self.wire = wire
  }

  package func received(_ bytes: ByteBuffer) {
    self.loop.assertInEventLoop()
    guard !self.isEnded else { return }
    self.lastReceived = self.loop.now
    self.bytesReceived &+= UInt64(bytes.readableBytes)
    self.isReading = true
    self.nextFlushBytes = max(Self.flushBytes.leastOfRead, bytes.readableBytes / 2)
    self.turn.read { self.read(bytes) }
    self.isReading = false
    self.endTick()
  }

  private func read(_ bytes: ByteBuffer) {
    do throws(ProtocolViolation) {
      var bytes = bytes
      guard try self.consumeMagic(&bytes) else { return }
      self.parser.append(bytes)
      while !self.isEnded, let frame = try self.parser.next() {
        self.partialFrameBegan = nil
        try self.receive(frame)
      }
      self.framesWereRead()
    } catch {
      // What came before the frame that may not be is still good.
      self.framesWereRead()
      self.refuse(error)
    }
    self.watchPartialFrame()
  }

  package func wireClosed(_ reason: String) {
    self.loop.assertInEventLoop()
    self.end(RPCError(.unavailable, "the connection was closed: \(reason)"))
    self.forgetWire()
  }

  package func wireWritabilityChanged(_ isWritable: Bool) {
    self.loop.assertInEventLoop()
    self.isWritable = isWritable
    guard !self.isEnded else { return }
    self.writabilityChanged(isWritable)
    self.writeTimer?.cancel()
    self.writeTimer = nil
    guard !isWritable else { return }
    self.writeTimer = self.loop.scheduleTask(in: TimeAmount(self.limits.writeTimeout)) {
      self.drop(
        RPCError(.unavailable, "the peer has not read for \(self.limits.writeTimeout)"))
    }
  }

  // MARK: sending

  /// Queued bytes that are worth a write of their own. In a read: half of what came, but at least some
  /// three small frames, so that the peer begins while this end does the other half. In another tick
  /// some twelve small frames. Then twice as many each time, up to some fifty, since each write costs.
  ///
  /// Measured on two cores with texts of 64 bytes: without the half, 8 and 16 calls in flight, which
  /// otherwise go to and fro as one lot, reach half as many a second, and 256 some 7 % less.
  private static let flushBytes = (leastOfRead: 256, first: 1024, most: 4096)
  /// Bytes from which a body leaves as it is, rather than in a copy behind its header.
  private static let apartBytes = 16 * 1024
  /// A buffer that had to hold more than this is not kept.
  private static let keptBytes = 64 * 1024

  /// Bytes that wait: for the end of the tick, and, when the peer reads slowly, for the peer.
  var queuedBytes: Int {
    let own = self.output.readableBytes + self.streamBytes.load(ordering: .relaxed)
    guard !self.isWritable, let wire = self.wire else { return own }
    return own + wire.queuedBytes
  }

  /// From any thread: so many bytes more wait in the streams, or less.
  final func streamBytesQueued(_ bytes: Int) {
    self.streamBytes.add(bytes, ordering: .relaxed)
  }

  /// Sends a frame; its length is that of `body`.
  final func send(_ header: FrameHeader, body: ByteBuffer? = nil) {
    guard !self.isEnded else { return }
    var header = header
    guard let body else {
      header.length = 0
      header.write(into: &self.output)
      return self.scheduleFlush()
    }
    header.length = UInt32(body.readableBytes)
    if self.leavesApart(body) {
      header.write(into: &self.output)
      self.sendApart(body)
    } else {
      header.write(into: &self.output, body: body)
      self.scheduleFlush()
    }
  }

  /// Sends what `write` writes, and `body` behind it.
  final func sendRaw(_ body: ByteBuffer, _ write: (inout ByteBuffer) -> Void) {
    guard !self.isEnded else { return }
    write(&self.output)
    if self.leavesApart(body) {
      self.sendApart(body)
    } else {
      self.output.writeImmutableBuffer(body)
      self.scheduleFlush()
    }
  }

  private func leavesApart(_ body: ByteBuffer) -> Bool {
    body.readableBytes >= Self.apartBytes && !self.isFlushing && self.wire != nil
  }

  private func sendApart(_ body: ByteBuffer) {
    self.bytesSent &+= UInt64(self.output.readableBytes + body.readableBytes)
    self.wire?.write(self.output, body)
    self.renewOutput()
  }

  final func sendRaw(_ write: (inout ByteBuffer) -> Void) {
    guard !self.isEnded else { return }
    write(&self.output)
    self.scheduleFlush()
  }

  /// What one tick of the loop produces leaves together: at the end of the read that caused it, or
  /// after the tasks that are already queued. Never by a timer, which would add its period to the
  /// latency of a lone call; and earlier once it is ``flushBytes``, so that the peer can begin
  /// while this end goes on.
  func scheduleFlush() {
    if self.output.readableBytes >= self.nextFlushBytes, !self.isFlushing {
      self.nextFlushBytes = max(
        self.nextFlushBytes, min(self.nextFlushBytes * 2, Self.flushBytes.most))
      return self.flush()
    }
    guard !self.isReading, !self.isFlushing, !self.flushIsScheduled else { return }
    self.flushIsScheduled = true
    self.loop.execute {
      self.flushIsScheduled = false
      self.endTick()
    }
  }

  private func endTick() {
    self.nextFlushBytes = Self.flushBytes.first
    self.flush()
  }

  private func flush() {
    guard let wire = self.wire else { return }
    var isPaced = false
    if self.hasLane, !self.isPacing, self.lane.hasWork {
      self.isFlushing = true
      // On its own: what the streams might send meanwhile has no part of the buffer they write to.
      var output = exchange(&self.output, with: ByteBuffer())
      self.lane.write(into: &output, backlog: wire.queuedBytes)
      assert(self.output.readableBytes == 0, "nothing is sent from within a write of DATA")
      self.output = output
      self.lane.sendEndings()
      self.isFlushing = false
      guard !self.isEnded else { return }
      isPaced = self.lane.hasWork
    }
    guard self.output.readableBytes > 0 || isPaced else { return }
    self.bytesSent &+= UInt64(self.output.readableBytes)
    if isPaced {
      self.isPacing = true
      wire.write(self.output) { self.dataHasLeft() }
    } else {
      wire.write(self.output)
    }
    self.renewOutput()
  }

  private func renewOutput() {
    if self.output.capacity > Self.keptBytes {
      self.output = ByteBuffer()
    } else {
      // The storage is used again when the write has already left it; otherwise this makes a new
      // one.
      self.output.clear(minimumCapacity: 4096)
    }
  }

  /// Never flushes at once: it may be called from within a flush.
  private func dataHasLeft() {
    self.isPacing = false
    guard !self.isEnded, self.lane.hasWork, !self.flushIsScheduled else { return }
    self.flushIsScheduled = true
    self.loop.execute {
      self.flushIsScheduled = false
      self.endTick()
    }
  }

  // MARK: ending

  /// Says why, then closes: the bytes cannot be understood any more.
  final func refuse(_ violation: ProtocolViolation) {
    guard !self.isEnded else { return }
    self.sendRaw {
      GoAway(
        acceptedCalls: self.acceptedCalls, reason: violation.reason, message: violation.message
      ).write(into: &$0)
    }
    self.close(
      RPCError(.unavailable, "the connection was refused: \(violation.message)"),
      within: SocketWire.lingerTimeout)
  }

  /// Sends what is queued and closes.
  ///
  /// - Parameter limit: how long the peer may take to read what is queued; ``RPCLimits/writeTimeout``
  ///   when nil. On a connection that closes already it can only shorten that.
  final func close(_ error: RPCError, within limit: TimeAmount? = nil) {
    let limit = limit ?? TimeAmount(self.limits.writeTimeout)
    guard !self.isEnded else {
      self.closingWire?.close(within: limit)
      return
    }
    self.flush()
    self.closingWire = self.wire
    self.end(error)
    if let wire = self.closingWire {
      wire.close(within: limit)
    } else {
      self.forgetWire()
    }
  }

  /// Closes and throws away what is queued: the peer does not read, and could not be told why.
  final func drop(_ error: RPCError) {
    guard !self.isEnded else { return }
    self.output.clear()
    self.close(error, within: .zero)
  }

  private func end(_ error: RPCError) {
    guard !self.isEnded else { return }
    self.isEnded = true
    self.partialFrameTimer?.cancel()
    self.sweepTimer?.cancel()
    self.writeTimer?.cancel()
    self.keepalive.stop()
    self.ended(error)
    self.wire = nil
  }

  private func forgetWire() {
    guard !self.wireIsGone else { return }
    self.wireIsGone = true
    self.closingWire = nil
    self.wireHasGone()
  }

  // MARK: timers

  /// Makes sure that `expireCalls` runs at `deadline` or before.
  ///
  /// One timer a connection, not one a call: starting a call costs a comparison, and the calls that
  /// are still there when the timer fires are looked through once.
  final func watch(_ deadline: NIODeadline) {
    if let sweepTime = self.sweepTime, sweepTime <= deadline { return }
    self.sweepTimer?.cancel()
    self.sweepTime = deadline
    self.sweepTimer = self.loop.scheduleTask(deadline: deadline) { self.sweep() }
  }

  private func sweep() {
    self.sweepTime = nil
    self.sweepTimer = nil
    guard !self.isEnded else { return }
    let now = self.loop.now
    if let next = self.expireCalls(now: now) {
      self.watch(max(next, now + .milliseconds(1)))
    }
  }

  /// The time is that of one frame: a peer whose bytes always end inside some frame is busy, not
  /// late. The timer outlives the frame it was made for and looks at the next one when it fires.
  private func watchPartialFrame() {
    guard !self.isEnded, !self.isPaused, self.parser.hasPartialFrame else {
      self.partialFrameBegan = nil
      return
    }
    if self.partialFrameBegan == nil {
      self.watchPartialFrame(began: self.lastReceived)
    }
  }

  private func watchPartialFrame(began: NIODeadline) {
    self.partialFrameBegan = began
    if self.partialFrameTimer == nil {
      self.schedulePartialFrameTimer(began: began)
    }
  }

  /// Stops or resumes reading. The rest of a frame has its whole time again afterwards.
  final func setReading(_ reading: Bool) {
    self.isPaused = !reading
    self.partialFrameBegan = nil
    if reading, self.parser.hasPartialFrame, !self.isEnded {
      self.watchPartialFrame(began: self.loop.now)
    }
    self.wire?.setReading(reading)
  }

  private func schedulePartialFrameTimer(began: NIODeadline) {
    let due = began + TimeAmount(self.limits.frameTimeout)
    self.partialFrameTimer = self.loop.scheduleTask(deadline: due) {
      self.partialFrameTimer = nil
      guard !self.isEnded, let began = self.partialFrameBegan else { return }
      guard began + TimeAmount(self.limits.frameTimeout) <= self.loop.now else {
        return self.schedulePartialFrameTimer(began: began)
      }
      self.refuse(
        ProtocolViolation(
          .timeout, "a frame did not arrive whole within \(self.limits.frameTimeout)"))
    }
  }

  // MARK: pings

  /// The body is the time at this end, so that the PONG tells how long the way there and back is.
  ///
  /// - Returns: the body.
  @discardableResult
  final func ping() -> ByteBuffer {
    let body = ByteBuffer(integer: self.loop.now.uptimeNanoseconds, endianness: .little)
    self.send(FrameHeader(type: .ping), body: body)
    return body
  }

  final func receivePong(_ frame: Frame) {
    var body = frame.body
    guard self.hasLane, body.readableBytes == 8,
      let sent = body.readInteger(endianness: .little, as: UInt64.self)
    else { return }
    let roundTrip = self.loop.now - .uptimeNanoseconds(sent)
    // A peer may send any bytes.
    guard (1..<TimeAmount.minutes(1).nanoseconds).contains(roundTrip.nanoseconds) else { return }
    self.lane.measured(roundTrip)
  }

  // MARK: streams

  /// Calls of the tasks that read and write messages, from any thread.

  final func announce(_ stream: MessageStream) {
    if self.loop.inEventLoop {
      self.lane.append(stream)
    } else {
      self.loop.execute { self.lane.append(stream) }
    }
  }

  final func taken(from stream: MessageStream) {
    if self.loop.inEventLoop {
      stream.grant(lane: self.lane)
    } else {
      self.loop.execute { stream.grant(lane: self.lane) }
    }
  }

  /// Never at once: the waiter may be about to wait.
  final func cancelled(_ stream: MessageStream) {
    self.loop.execute { self.waiterCancelled(stream) }
  }

  /// What the peer said of streams, before the first of them.
  final func beginStreaming(_ peer: StreamingLimits) {
    self.hasLane = true
    self.lane.sendWindow.raise(to: UInt64(peer.connectionWindow))
  }

  final func receiveData(_ frame: Frame) throws(ProtocolViolation) {
    guard self.hasLane else {
      throw ProtocolViolation(.unexpectedFrame, "DATA from a peer that has no streaming")
    }
    try self.lane.receive(frame)
    if let stream = self.stream(frame.header.stream), !stream.isClosed {
      if let error = try stream.receive(frame, lane: self.lane) {
        self.abort(stream, error)
      }
    }
    self.lane.grant()
  }

  final func receiveWindow(_ frame: Frame) throws(ProtocolViolation) {
    var body = frame.body
    guard self.hasLane else {
      throw ProtocolViolation(.unexpectedFrame, "WINDOW from a peer that has no streaming")
    }
    guard frame.body.readableBytes == 8,
      let limit = body.readInteger(endianness: .little, as: UInt64.self)
    else {
      throw ProtocolViolation(.malformedFrame, "a WINDOW has 8 bytes")
    }
    if frame.header.stream == .connection, frame.header.aux == 1 {
      self.lane.raise(to: limit)
    } else if let stream = self.stream(frame.header.stream), !stream.isClosed {
      stream.raise(to: limit)
      self.lane.append(stream)
    }
  }

  /// - Parameter stream: nil for the connection as a whole.
  final func sendWindowUpdate(_ stream: StreamID?, _ limit: UInt64) {
    self.send(
      FrameHeader(type: .window, stream: stream ?? .connection, aux: stream == nil ? 1 : 0),
      body: ByteBuffer(integer: limit, endianness: .little))
  }

  private func consumeMagic(_ bytes: inout ByteBuffer) throws(ProtocolViolation) -> Bool {
    while let expected = self.missingMagic.first {
      guard let byte = bytes.readInteger(as: UInt8.self) else { return false }
      guard byte == expected else {
        if byte == Handshake.tlsRecord, expected == Handshake.magic[0] { throw .tls }
        throw ProtocolViolation(.notFramedRPC, "the first bytes are not FramedRPC's")
      }
      self.missingMagic.removeFirst()
    }
    return true
  }
}
