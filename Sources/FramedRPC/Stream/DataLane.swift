import NIOCore

/// The DATA of one connection: which stream sends next, and how much both ends may.
///
/// All other frames go past it. DATA leaves only while little is queued below, so that a RESET, an
/// answer or a PING never waits behind more than ``backlogBytes``, and in turns of
/// ``turnBytes``, so that one large message does not delay small ones.
///
/// Touched only on the connection's loop.
final class DataLane {
  /// Longest body of a DATA frame that we send, in bytes.
  static let chunkBytes = 64 * 1024
  /// Longest body of a REQUEST or RESPONSE that we send, in bytes; a longer message goes in chunks. Half
  /// of what may be on its way anyway, ``backlogBytes``: a row of chunks costs several times as much as
  /// a frame.
  private static let wholeBytes = 128 * 1024
  /// What one stream sends before the next has its turn, in bytes.
  static let turnBytes = 64 * 1024
  /// Bytes handed to the transport that have not left; no DATA is added above.
  static let backlogBytes = 256 * 1024
  /// Shortest time between two measurements of the round trip.
  static let roundTripInterval: TimeAmount = .seconds(1)

  private unowned let connection: FramedConnection
  /// Streams that have something to send and the credit for it, in the order of their turns.
  private var row = CircularBuffer<MessageStream>()
  /// Streams that have sent all they had.
  private var idle: [MessageStream] = []
  /// The first of the row waits for credit of the connection.
  private var isBlocked = false

  var sendWindow: SendWindow
  private var receiveWindow: ReceiveWindow
  /// Bytes of whole messages, over all streams, that nobody has taken.
  var unreadBytes = 0
  /// Bytes of the messages that are being put together, over all streams.
  var reservedBytes = 0

  private(set) var roundTrip: TimeAmount?
  private var roundTripDue = NIODeadline.uptimeNanoseconds(0)

  init(connection: FramedConnection) {
    self.connection = connection
    self.sendWindow = SendWindow(limit: 0)
    let window = connection.streaming.connectionWindow
    self.receiveWindow = ReceiveWindow(
      window: window, maxWindow: max(connection.limits.maxStreamWindowBytes * 3 / 2, window),
      now: connection.loop.now)
  }

  /// Longest body of a REQUEST or RESPONSE to a peer that has streaming and takes such frames.
  static func wholeBytes(_ maxFrameBytes: Int, _ peer: StreamingLimits) -> Int {
    min(Self.wholeBytes, maxFrameBytes, peer.maxMessageBytes)
  }

  /// What a DATA frame costs of both windows; one without a message is free, and comes at most twice
  /// a stream.
  static func cost(of frame: Frame) -> Int {
    frame.header.flags.contains(.message) ? MessageStream.cost(Int(frame.header.length)) : 0
  }

  // MARK: receiving

  /// A message, or its chunk, perhaps the last of its direction; or that end alone; or metadata alone.
  private static func isWellFormed(_ header: FrameHeader) -> Bool {
    let flags = header.flags
    return flags.contains(.message)
      ? !flags.contains(.metadata) && !flags.isSuperset(of: [.more, .end])
      : flags == .metadata || flags == .end && header.length == 0
  }

  /// Counts a DATA frame, whether or not its call is still there.
  func receive(_ frame: Frame) throws(ProtocolViolation) {
    guard Self.isWellFormed(frame.header) else {
      throw ProtocolViolation(.malformedFrame, "DATA has flags that do not go together")
    }
    guard self.receiveWindow.receive(Self.cost(of: frame)) else {
      throw ProtocolViolation(.flowControl, "more DATA than the connection allows")
    }
    self.measureRoundTrip()
  }

  /// Allows the peer more, while what waits for its readers is within its bound. Above, all streams
  /// of the connection wait for those readers.
  func grant() {
    guard self.unreadBytes <= self.connection.limits.maxBufferedBytes else { return }
    let limit = self.receiveWindow.grant(
      unread: 0, now: self.connection.loop.now, roundTrip: self.roundTrip)
    if let limit {
      self.connection.sendWindowUpdate(nil, limit)
    }
  }

  private func measureRoundTrip() {
    let now = self.connection.lastReceived
    guard now >= self.roundTripDue else { return }
    self.roundTripDue = now + Self.roundTripInterval
    self.connection.ping()
  }

  func measured(_ roundTrip: TimeAmount) {
    self.roundTrip = self.roundTrip.map { min($0, roundTrip) } ?? roundTrip
  }

  // MARK: sending

  /// The stream has something to send, or credit again.
  func append(_ stream: MessageStream) {
    guard stream.isStarted, !stream.isInRow, !stream.isClosed else { return }
    // An end needs no credit: those that wait for the connection's do not hold it up.
    if self.isBlocked, stream.sendEndingIfIdle() { return }
    stream.isInRow = true
    self.row.append(stream)
    self.connection.scheduleFlush()
  }

  func raise(to limit: UInt64) {
    self.sendWindow.raise(to: limit)
    self.isBlocked = false
    if !self.row.isEmpty { self.connection.scheduleFlush() }
  }

  /// Whether a call of ``write(into:backlog:)`` would send anything.
  var hasWork: Bool { !self.row.isEmpty && !self.isBlocked }

  /// After ``write(into:backlog:)``: the last words of the streams that have no messages left.
  func sendEndings() {
    for stream in exchange(&self.idle, with: []) {
      stream.sendEnding()
    }
  }

  /// Appends what may leave now.
  ///
  /// - Parameter backlog: bytes that wait below already.
  func write(into output: inout ByteBuffer, backlog: Int) {
    let start = output.readableBytes
    while backlog + output.readableBytes - start < Self.backlogBytes, !self.isBlocked,
      let stream = self.row.popFirst()
    {
      guard !stream.isClosed else {
        stream.isInRow = false
        continue
      }
      switch stream.write(into: &output, lane: self) {
      case .more: self.row.append(stream)
      case .idle:
        stream.isInRow = false
        self.idle.append(stream)
      case .waitsForStream: stream.isInRow = false
      case .waitsForConnection:
        self.row.prepend(stream)
        self.isBlocked = true
      }
    }
  }
}
