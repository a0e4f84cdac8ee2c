import NIOCore

/// What a sender may still send: absolute offsets, so that an update that is lost, repeated or late
/// does no harm.
struct SendWindow {
  private(set) var limit: UInt64
  private(set) var sent: UInt64 = 0

  init(limit: Int) {
    self.limit = UInt64(limit)
  }

  func mayNotSend(_ bytes: Int) -> Bool { self.sent + UInt64(bytes) > self.limit }

  mutating func send(_ bytes: Int) {
    self.sent += UInt64(bytes)
  }

  mutating func raise(to limit: UInt64) {
    self.limit = max(self.limit, limit)
  }
}

/// What a receiver has allowed, and when it allows more.
///
/// The window grows while the peer uses it up faster than two round trips: the rule of Chromium's
/// QUIC implementation ("receive window auto-tuning"), which finds the bandwidth-delay product
/// without knowing either.
struct ReceiveWindow {
  private(set) var received: UInt64 = 0
  private(set) var granted: UInt64
  private(set) var window: Int
  private let maxWindow: Int
  private var lastGrant: NIODeadline

  init(window: Int, maxWindow: Int, now: NIODeadline) {
    self.granted = UInt64(window)
    self.window = window
    self.maxWindow = max(maxWindow, window)
    self.lastGrant = now
  }

  /// - Returns: whether the peer was allowed to send so much.
  mutating func receive(_ bytes: Int) -> Bool {
    self.received += UInt64(bytes)
    return self.received <= self.granted
  }

  /// The next limit to tell the peer, once it is worth a frame: half a window, or an eighth when the
  /// peer may wait to send a whole chunk, which half of a small window is too little for.
  ///
  /// - Parameter unread: bytes received that nobody has taken yet.
  mutating func grant(unread: Int, now: NIODeadline, roundTrip: TimeAmount?) -> UInt64? {
    let limit = self.received + UInt64(max(0, self.window - unread))
    let isHalf = limit >= self.granted + UInt64(self.window / 2)
    let mayBeBlocked =
      self.granted < self.received + UInt64(MessageStream.cost(DataLane.chunkBytes))
    guard isHalf || mayBeBlocked && limit >= self.granted + UInt64(self.window / 8) else {
      return nil
    }
    if isHalf, let roundTrip, now - self.lastGrant < roundTrip * 2, self.window < self.maxWindow {
      self.window = min(self.window * 2, self.maxWindow)
    }
    self.lastGrant = now
    self.granted = self.received + UInt64(max(0, self.window - unread))
    return self.granted
  }
}

/// Puts the chunks of one direction's messages together.
///
/// The first chunk of a message says its length in four bytes, so that one that is too large is
/// refused before it takes memory.
struct MessageAssembler {
  enum Outcome {
    case incomplete
    case message(ByteBuffer)
    /// A message of so many bytes begins, and is over the limit.
    case tooLarge(Int)
  }

  private var partial: ByteBuffer?
  /// Length of the message that is not whole yet, in bytes; 0 without one.
  private(set) var total = 0

  mutating func append(
    _ body: ByteBuffer, isLast: Bool, limit: Int
  ) throws(ProtocolViolation) -> Outcome {
    guard var partial = self.partial else {
      return try self.begin(body, isLast: isLast, limit: limit)
    }
    // Let go of the other reference, or the bytes are copied with every chunk.
    self.partial = nil
    partial.writeImmutableBuffer(body)
    guard isLast ? partial.readableBytes == self.total : partial.readableBytes < self.total else {
      throw ProtocolViolation(
        .malformedFrame, "the chunks of a message do not add up to its length")
    }
    guard isLast else {
      self.partial = partial
      return .incomplete
    }
    self.total = 0
    return .message(partial)
  }

  private mutating func begin(
    _ body: ByteBuffer, isLast: Bool, limit: Int
  ) throws(ProtocolViolation) -> Outcome {
    guard !isLast else {
      return body.readableBytes <= limit ? .message(body) : .tooLarge(body.readableBytes)
    }
    var body = body
    guard let total = body.readInteger(endianness: .little, as: UInt32.self),
      body.readableBytes > 0, body.readableBytes < Int(total)
    else {
      throw ProtocolViolation(.malformedFrame, "the first chunk of a message is malformed")
    }
    guard Int(total) <= limit else { return .tooLarge(Int(total)) }
    var partial = ByteBuffer()
    // What was promised is not yet there: no more than a few times what is.
    partial.reserveCapacity(min(Int(total), 4 * body.readableBytes))
    partial.writeImmutableBuffer(body)
    self.partial = partial
    self.total = Int(total)
    return .incomplete
  }
}
