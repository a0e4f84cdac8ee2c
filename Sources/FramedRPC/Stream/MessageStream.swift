import NIOCore
import Synchronization

/// The messages of one call in both directions, between its connection and the tasks that read and
/// write them.
///
/// `@unchecked Sendable`: what tasks and the connection share is behind the mutex; all else is
/// touched only on the connection's loop.
package final class MessageStream: @unchecked Sendable {
  /// What ends this end's direction, once all messages before it have left.
  enum Ending {
    /// DATA with END: the client has said everything.
    case halfClose
    /// RESPONSE: the server's last word.
    case response(RPCError?, RPCMetadata)
  }

  /// How far ``write(into:lane:)`` came.
  enum Progress {
    /// More could leave at once; the others are due first.
    case more
    /// Nothing left to send for now.
    case idle
    case waitsForStream
    case waitsForConnection
  }

  fileprivate struct State {
    // Outgoing.
    var outgoing = CircularBuffer<ByteBuffer>()
    /// Bytes that were written and have not left this end.
    var outgoingBytes = 0
    var ending: Ending?
    /// Something was written.
    var hasBegun = false
    var writeError: RPCError?
    var writers: [MessageWaiter<Void>] = []
    /// The connection knows that there is something to send.
    var isAnnounced = false
    var sent = CallTraffic.Count()
    // Incoming.
    var incoming = CircularBuffer<ByteBuffer>()
    var incomingBytes = 0
    var received = CallTraffic.Count()
    /// Bytes taken since the connection was told.
    var takenBytes = 0
    var incomingEnd: Result<Void, RPCError>?
    var reader: MessageWaiter<ByteBuffer?>?
    var initialMetadata: RPCMetadata?
    var trailingMetadata = RPCMetadata()
    var observers: [@Sendable (RPCError?) -> Void] = []
    var outcome: Result<Void, RPCError>?
  }

  let connection: FramedConnection
  private let peerMessageBytes: Int
  /// Bytes taken that are worth a word to the connection. A quarter of the window: the peer has
  /// credit again before it has used up the other half. And at most 64 KiB: until it is told, the
  /// connection counts them as unread, over all its streams.
  private let reportedBytes: Int
  private let countsQueue: Bool
  private let state = Mutex(State())
  private let lastWaiter = Atomic(0)

  // Only on the loop.
  private(set) var id = StreamID.connection
  /// Whether the call has its place: before, a writer on another thread may be here already.
  private(set) var isStarted = false
  private(set) var sendWindow: SendWindow
  private var receiveWindow: ReceiveWindow
  private var assembler = MessageAssembler()
  private var sending = CircularBuffer<ByteBuffer>()
  /// The message whose first chunks have left.
  private var rest: ByteBuffer?
  private var isEndSent = false
  private var hasEnded = false
  /// Whether the lane has it in its row.
  var isInRow = false
  /// Bytes of this stream in the lane's count of what nobody has taken.
  private var countedUnread = 0
  private(set) var isClosed = false

  /// - Parameters:
  ///   - peer: what the other end said of streams.
  ///   - countsQueue: whether what waits here counts as queued on the connection: where one message
  ///     is sent and nobody waits for room. A writer of many is bounded by its own queue.
  init(connection: FramedConnection, peer: StreamingLimits, countsQueue: Bool) {
    self.connection = connection
    self.countsQueue = countsQueue
    self.peerMessageBytes = peer.maxMessageBytes
    self.sendWindow = SendWindow(limit: peer.streamWindow)
    let window = connection.streaming.streamWindow
    self.reportedBytes = min(window / 4, 64 * 1024)
    self.receiveWindow = ReceiveWindow(
      window: window, maxWindow: connection.limits.maxStreamWindowBytes, now: connection.loop.now)
  }

  /// The call has its place on the connection: from now on it may send.
  func start(as id: StreamID) {
    self.id = id
    self.isStarted = true
  }

  /// What a message of so many bytes costs: an empty one is not free.
  static func cost(_ bytes: Int) -> Int { FrameHeader.byteCount + bytes }

  // MARK: writing, from any task

  /// Queues a message, and waits while too many bytes are queued.
  ///
  /// - Throws: ``RPCError`` when the call is over or the message is too large for the peer.
  func write(_ message: ByteBuffer) async throws {
    let limit = self.peerMessageBytes
    guard message.readableBytes <= limit else {
      throw RPCError(
        .resourceExhausted,
        "the message of \(message.readableBytes) bytes is over the peer's limit of \(limit)")
    }
    if try self.queueIfRoom(message) { return }
    let waiter = self.newWaiter()
    try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        self.queueAndWait(message, MessageWaiter(id: waiter, continuation: continuation))
      }
    } onCancel: {
      self.cancelled(waiter)
    }
  }

  private func queueIfRoom(_ message: ByteBuffer) throws -> Bool {
    let (error, isQueued, announce) = self.state.withLock { state in
      if let error = state.writeError { return (error as RPCError?, false, false) }
      guard state.outgoingBytes < self.connection.limits.maxStreamQueuedBytes else {
        return (nil, false, false)
      }
      state.sent.add(message.readableBytes)
      return (nil, true, Self.queue(message, &state))
    }
    if let error { throw error }
    if isQueued { self.countQueued(Self.cost(message.readableBytes)) }
    if announce { self.connection.announce(self) }
    return isQueued
  }

  private func queueAndWait(_ message: ByteBuffer, _ waiter: MessageWaiter<Void>) {
    let (error, isFull, announce) = self.state.withLock { state in
      if let error = state.writeError { return (error as RPCError?, false, false) }
      let isFull = state.outgoingBytes >= self.connection.limits.maxStreamQueuedBytes
      // It is queued all the same: one message over the limit, and no second turn through here.
      state.sent.add(message.readableBytes)
      let announce = Self.queue(message, &state)
      if isFull { state.writers.append(waiter) }
      return (nil, isFull, announce)
    }
    if error == nil {
      self.countQueued(Self.cost(message.readableBytes))
    }
    if announce { self.connection.announce(self) }
    if let error {
      waiter.continuation.resume(throwing: error)
    } else if !isFull {
      waiter.continuation.resume()
    } else if Task.isCancelled {
      // Perhaps it was not there yet when it was to be interrupted.
      self.cancelled(waiter.id)
    }
  }

  private func newWaiter() -> Int { self.lastWaiter.add(1, ordering: .relaxed).newValue }

  /// The task of a waiter was cancelled, perhaps before it waits: on a server that one is interrupted,
  /// if it is there, on a client the call is given up.
  private func cancelled(_ waiter: Int) {
    self.state.withLock { state in
      if state.reader?.id == waiter {
        state.reader?.isCancelled = true
      } else if let index = state.writers.firstIndex(where: { $0.id == waiter }) {
        state.writers[index].isCancelled = true
      }
    }
    self.connection.cancelled(self)
  }

  /// Queues the answer of a handler that has returned, whatever waits already.
  ///
  /// - Returns: false when it is too large for the peer.
  func queueLast(_ message: ByteBuffer) -> Bool {
    guard message.readableBytes <= self.peerMessageBytes else { return false }
    let announce = self.state.withLock { Self.queue(message, &$0) }
    self.countQueued(Self.cost(message.readableBytes))
    if announce { self.connection.announce(self) }
    return true
  }

  /// - Returns: whether the connection must be told.
  private static func queue(_ message: ByteBuffer, _ state: inout State) -> Bool {
    state.hasBegun = true
    state.outgoing.append(message)
    state.outgoingBytes += self.cost(message.readableBytes)
    return state.announce()
  }

  /// Sends metadata ahead of the first message; later it would have no meaning.
  ///
  /// - Throws: ``RPCError`` FAILED_PRECONDITION.
  func writeInitialMetadata(_ metadata: RPCMetadata) throws(RPCError) {
    let isFirst = self.state.withLock { state in
      guard !state.hasBegun, state.writeError == nil else { return false }
      state.hasBegun = true
      return true
    }
    guard isFirst else {
      throw RPCError(.failedPrecondition, "initial metadata comes before the first message")
    }
    self.connection.sendMetadata(metadata, of: self)
  }

  /// This end's direction ended with the REQUEST: nothing more may leave.
  func endsWithRequest() {
    self.state.withLock { $0.writeError = Self.sideHasEnded }
  }

  private static let sideHasEnded = RPCError(
    .failedPrecondition, "this side of the call has ended")

  /// No more messages; `ending` leaves after those that are queued. Only the first counts.
  func end(_ ending: Ending) {
    let announce = self.state.withLock { state in
      guard state.ending == nil, state.writeError == nil else { return false }
      state.ending = ending
      state.writeError = Self.sideHasEnded
      return state.announce()
    }
    if announce { self.connection.announce(self) }
  }

  // MARK: reading, from one task at a time

  /// The next message; nil when the peer has ended well.
  ///
  /// - Throws: ``RPCError`` when the call has failed.
  func next() async throws -> ByteBuffer? {
    let (result, report) = self.state.withLock { $0.take(self.reportedBytes) }
    if report { self.connection.taken(from: self) }
    if let result { return try result.get() }
    let waiter = self.newWaiter()
    return try await withTaskCancellationHandler {
      try await withUnsafeThrowingContinuation { continuation in
        self.wait(MessageWaiter(id: waiter, continuation: continuation))
      }
    } onCancel: {
      self.cancelled(waiter)
    }
  }

  private func wait(_ waiter: MessageWaiter<ByteBuffer?>) {
    let (result, report) = self.state.withLock { state -> (Result<ByteBuffer?, RPCError>?, Bool) in
      guard state.reader == nil else {
        return (.failure(RPCError(.failedPrecondition, "two tasks read one call")), false)
      }
      let (result, report) = state.take(self.reportedBytes)
      if result == nil { state.reader = waiter }
      return (result, report)
    }
    if report { self.connection.taken(from: self) }
    if let result {
      waiter.continuation.resume(with: result.mapError { $0 as any Error })
    } else if Task.isCancelled {
      // As a writer.
      self.cancelled(waiter.id)
    }
  }

  var initialMetadata: RPCMetadata? { self.state.withLock { $0.initialMetadata } }
  var trailingMetadata: RPCMetadata { self.state.withLock { $0.trailingMetadata } }

  /// Calls `body` once, when the call is over; at once when it is already.
  func whenOver(_ body: @escaping @Sendable (RPCError?) -> Void) {
    let outcome = self.state.withLock { state -> Result<Void, RPCError>? in
      if state.outcome == nil { state.observers.append(body) }
      return state.outcome
    }
    if let outcome { body(outcome.failure) }
  }

  /// Messages that were written, without the answer of a handler that has returned.
  var sent: CallTraffic.Count { self.state.withLock { $0.sent } }
  /// Messages that have come, read or not.
  var received: CallTraffic.Count { self.state.withLock { $0.received } }

  var isOver: Bool { self.state.withLock { $0.outcome != nil } }

  /// The only message of a unary answer, when the call is over.
  func takeOnly() -> ByteBuffer? {
    self.state.withLock { state in
      guard state.incoming.count == 1 else { return nil }
      return state.incoming.removeFirst()
    }
  }

  // MARK: on the loop, incoming

  /// One DATA frame.
  ///
  /// - Returns: an error that ends this call only.
  func receive(_ frame: Frame, lane: DataLane) throws(ProtocolViolation) -> RPCError? {
    let cost = DataLane.cost(of: frame)
    guard self.receiveWindow.receive(cost) else {
      throw ProtocolViolation(.flowControl, "a stream sent more than it was allowed")
    }
    if frame.header.flags.contains(.metadata) {
      try self.receiveMetadata(frame.body)
    }
    if self.hasEnded {
      throw ProtocolViolation(.unexpectedFrame, "DATA after the end of its direction")
    }
    if frame.header.flags.contains(.message) {
      let reserved = self.assembler.total
      let outcome = try self.assembler.append(
        frame.body, isLast: !frame.header.flags.contains(.more),
        limit: self.connection.streaming.maxMessageBytes)
      lane.reservedBytes += self.assembler.total - reserved
      switch outcome {
      case .incomplete:
        guard lane.reservedBytes <= self.connection.limits.maxBufferedBytes else {
          return RPCError(.resourceExhausted, "too many large messages at once on one connection")
        }
      case .message(let message): self.deliver(message)
      case .tooLarge(let bytes):
        return RPCError(
          .resourceExhausted,
          "a message of \(bytes) bytes is over the limit of "
            + "\(self.connection.streaming.maxMessageBytes)")
      }
    }
    if frame.header.flags.contains(.end) {
      guard self.assembler.total == 0 else {
        throw ProtocolViolation(.malformedFrame, "a stream ends within a message")
      }
      self.hasEnded = true
      self.incomingEnded(.success(()))
    }
    self.grant(lane: lane)
    return nil
  }

  /// Whether chunks of a message have come, and not its last.
  var isWithinMessage: Bool { self.assembler.total > 0 }

  private func receiveMetadata(_ body: ByteBuffer) throws(ProtocolViolation) {
    var body = body
    let metadata = try RPCMetadata(from: &body)
    let isFirst = self.state.withLock { state in
      guard state.initialMetadata == nil, body.readableBytes == 0 else { return false }
      state.initialMetadata = metadata
      return true
    }
    guard isFirst else {
      throw ProtocolViolation(.malformedFrame, "initial metadata comes once and alone")
    }
  }

  /// A message that came in the REQUEST or RESPONSE itself.
  func deliver(_ message: ByteBuffer) {
    let reader = self.state.withLock { state -> MessageWaiter<ByteBuffer?>? in
      state.received.add(message.readableBytes)
      if let reader = state.reader {
        state.reader = nil
        return reader
      }
      state.incoming.append(message.keptApart)
      state.incomingBytes += Self.cost(message.readableBytes)
      return nil
    }
    reader?.continuation.resume(returning: message)
  }

  /// The peer's direction ended with the REQUEST.
  func endedWithRequest() {
    self.hasEnded = true
    self.incomingEnded(.success(()))
  }

  func incomingEnded(_ end: Result<Void, RPCError>, trailing: RPCMetadata = RPCMetadata()) {
    let reader = self.state.withLock { state -> MessageWaiter<ByteBuffer?>? in
      guard state.incomingEnd == nil else { return nil }
      state.incomingEnd = end
      state.trailingMetadata = trailing
      return exchange(&state.reader, with: nil)
    }
    switch end {
    case .success: reader?.continuation.resume(returning: nil)
    case .failure(let error): reader?.continuation.resume(throwing: error)
    }
  }

  /// Allows the peer more, when that is due.
  func grant(lane: DataLane) {
    guard !self.isClosed else { return }
    let unread = self.state.withLock { $0.incomingBytes }
    lane.unreadBytes += unread - self.countedUnread
    self.countedUnread = unread
    let limit = self.receiveWindow.grant(
      unread: unread, now: self.connection.loop.now, roundTrip: lane.roundTrip)
    if let limit {
      self.connection.sendWindowUpdate(self.id, limit)
    }
    lane.grant()
  }

  // MARK: on the loop, outgoing

  func raise(to limit: UInt64) {
    self.sendWindow.raise(to: limit)
  }

  /// Appends up to ``DataLane/turnBytes`` of what waits.
  func write(into output: inout ByteBuffer, lane: DataLane) -> Progress {
    let start = output.readableBytes
    var leaving = 0
    var progress = Progress.more
    while output.readableBytes - start < DataLane.turnBytes {
      guard var message = self.rest ?? self.nextMessage() else {
        progress = .idle
        break
      }
      let isFirst = self.rest == nil
      let isWhole = message.readableBytes <= DataLane.chunkBytes
      let prefix = isFirst && !isWhole ? 4 : 0
      let bytes = min(message.readableBytes, DataLane.chunkBytes - prefix)
      let cost = Self.cost(bytes + prefix)
      if self.sendWindow.mayNotSend(cost) || lane.sendWindow.mayNotSend(cost) {
        progress =
          self.sendWindow.mayNotSend(cost) ? .waitsForStream : .waitsForConnection
        if isFirst { self.sending.prepend(message) }
        break
      }
      self.sendWindow.send(cost)
      lane.sendWindow.send(cost)
      let isLast = bytes == message.readableBytes
      FrameHeader(
        length: bytes + prefix, type: .data, flags: isLast ? .message : [.message, .more],
        stream: self.id
      ).write(into: &output)
      if prefix > 0 {
        output.writeInteger(UInt32(message.readableBytes), endianness: .little)
      }
      leaving += isLast ? Self.cost(bytes) : bytes
      if let chunk = message.readSlice(length: bytes) {
        output.writeImmutableBuffer(chunk)
      }
      self.rest = isLast ? nil : message
    }
    self.left(leaving)
    return progress
  }

  private func nextMessage() -> ByteBuffer? {
    if self.sending.isEmpty {
      self.state.withLock { state in
        state.isAnnounced = false
        swap(&state.outgoing, &self.sending)
      }
    }
    return self.sending.popFirst()
  }

  private func countQueued(_ bytes: Int) {
    if self.countsQueue { self.connection.streamBytesQueued(bytes) }
  }

  /// Bytes have left; whoever waits for room goes on.
  private func left(_ bytes: Int) {
    guard bytes > 0 else { return }
    self.countQueued(-bytes)
    let writers = self.state.withLock { state in
      state.outgoingBytes -= bytes
      guard !state.writers.isEmpty,
        state.outgoingBytes < self.connection.limits.maxStreamQueuedBytes
      else { return [] as [MessageWaiter<Void>] }
      return exchange(&state.writers, with: [])
    }
    for writer in writers {
      writer.continuation.resume()
    }
  }

  /// All messages have left: now the end, if it is due.
  func sendEnding() {
    guard !self.isEndSent, !self.isClosed,
      let ending = self.state.withLock({ $0.outgoing.isEmpty ? $0.ending : nil })
    else { return }
    self.isEndSent = true
    self.connection.sendEnding(ending, of: self)
  }

  /// Sends the end if no message is left to send before it.
  ///
  /// - Returns: whether it was sent.
  func sendEndingIfIdle() -> Bool {
    guard self.rest == nil, self.sending.isEmpty else { return false }
    self.sendEnding()
    return self.isEndSent
  }

  /// Tasks that read or write were cancelled, and the call goes on without them.
  func interrupt() {
    let (writers, reader) = self.state.withLock { state in
      let writers = state.writers.filter(\.isCancelled)
      state.writers.removeAll(where: \.isCancelled)
      let isCancelled = state.reader?.isCancelled ?? false
      return (writers, isCancelled ? exchange(&state.reader, with: nil) : nil)
    }
    for writer in writers {
      writer.continuation.resume(throwing: CancellationError())
    }
    reader?.continuation.resume(throwing: CancellationError())
  }

  /// The call is over: nothing more is sent, queued messages are thrown away.
  ///
  /// - Parameters:
  ///   - error: nil when the call went well.
  ///   - keepsUnread: whether messages that wait for their reader are still read before the error.
  func close(_ error: RPCError?, lane: DataLane, keepsUnread: Bool) {
    guard !self.isClosed else { return }
    self.isClosed = true
    self.sending.removeAll()
    self.rest = nil
    lane.unreadBytes -= self.countedUnread
    lane.reservedBytes -= self.assembler.total
    self.countedUnread = 0
    lane.grant()
    let (writers, reader, observers, queued) = self.state.withLock { state in
      let over = RPCError(.failedPrecondition, "the call is over")
      state.writeError = error ?? state.writeError ?? over
      let queued = exchange(&state.outgoingBytes, with: 0)
      state.outgoing.removeAll()
      state.ending = nil
      if let error, !keepsUnread {
        state.incoming.removeAll()
        if state.incomingEnd?.failure == nil { state.incomingEnd = .failure(error) }
      } else if state.incomingEnd == nil {
        state.incomingEnd = error.map { .failure($0) } ?? .success(())
      }
      state.outcome = error.map { .failure($0) } ?? .success(())
      return (
        exchange(&state.writers, with: []), exchange(&state.reader, with: nil),
        exchange(&state.observers, with: []), queued
      )
    }
    self.countQueued(-queued)
    for writer in writers {
      writer.continuation.resume(
        throwing: error ?? RPCError(.failedPrecondition, "the call is over"))
    }
    if let error {
      reader?.continuation.resume(throwing: error)
    } else {
      reader?.continuation.resume(returning: nil)
    }
    for observer in observers {
      observer(error)
    }
  }
}

extension MessageStream.State {
  /// - Returns: whether the connection does not know yet that there is something to send.
  fileprivate mutating func announce() -> Bool {
    defer { self.isAnnounced = true }
    return !self.isAnnounced
  }

  /// What a reader gets at once, if anything, and whether enough was taken to tell the connection.
  fileprivate mutating func take(
    _ reportedBytes: Int
  ) -> (Result<ByteBuffer?, RPCError>?, Bool) {
    if let message = self.incoming.popFirst() {
      let cost = MessageStream.cost(message.readableBytes)
      self.incomingBytes -= cost
      self.takenBytes += cost
      // A reader that has caught up is reported earlier: many such streams would add up.
      guard self.takenBytes >= (self.incoming.isEmpty ? reportedBytes / 8 : reportedBytes) else {
        return (.success(message), false)
      }
      self.takenBytes = 0
      return (.success(message), true)
    }
    return (self.incomingEnd?.map { nil }, false)
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
