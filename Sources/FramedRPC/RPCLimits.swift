/// Every bound of a FramedRPC endpoint, with its unit.
public struct RPCLimits: Hashable, Sendable {
  /// How many calls a client may have in flight before it has read the server's SETTINGS.
  static let conservativeConcurrentCalls = 100

  /// Largest frame body accepted, in bytes, 64 KiB to 16 MiB - 1; refused before a byte of it is
  /// kept.
  public var maxFrameBytes: Int
  /// Most calls at once on one connection; above it calls are answered "resource exhausted, not
  /// processed".
  public var maxConcurrentCalls: Int
  /// Most bytes waiting to be written to one connection before further calls are refused with
  /// "resource exhausted, not processed": by a client that has them to send, and by a server whose
  /// answers are not read. A server also stops reading when its socket's write buffer is full.
  public var maxQueuedBytes: Int
  /// Largest message accepted, in bytes, at least 64 KiB; a larger one ends its call with "resource
  /// exhausted". Messages over 64 KiB, those of unary calls over 128 KiB, travel in chunks.
  public var maxMessageBytes: Int
  /// Bytes of messages that a peer may send on one stream before they are read, at least 128 KiB …
  public var streamWindowBytes: Int
  /// … and how far this grows for a stream that is read as fast as the network delivers.
  public var maxStreamWindowBytes: Int
  /// Bytes of messages on their way to this end, over all streams of a connection, at least 1 MiB.
  public var connectionWindowBytes: Int
  /// Most bytes of messages, over all streams of a connection, that wait for their readers; above it
  /// the peer gets no more credit until some are read.
  public var maxBufferedBytes: Int
  /// Bytes that a stream's writer may queue before it has to wait.
  public var maxStreamQueuedBytes: Int
  /// Most bytes of answers that wait for a client that does not read, from calls that were taken on
  /// before that; above it the server closes the connection and throws them away.
  public var maxUnreadBytes: Int
  /// Longest time that a connection's write buffer (1 MiB) may stay full, because the peer reads
  /// too slowly or not at all, and longest time for the last bytes of a connection to leave.
  public var writeTimeout: Duration
  /// Time for the peer's half of the handshake.
  public var handshakeTimeout: Duration
  /// Time for the rest of a frame after its first byte.
  public var frameTimeout: Duration
  /// An end that waits for the other (a client for an answer, a server for a client whose call it
  /// runs) pings a silent peer after this long; a client not more often than the server wants …
  public var keepaliveInterval: Duration
  /// … and gives the connection up after this much more silence.
  public var keepaliveTimeout: Duration
  /// What a server asks of its clients: no PINGs closer to each other than this. It holds against
  /// nobody that they come more often.
  public var minPingInterval: Duration
  /// A server sends a connection away once it is so old, ±10 % so that not all of them come back at
  /// once; nil for never. Its calls have ``maxConnectionAgeGrace`` to end.
  public var maxConnectionAge: Duration?
  public var maxConnectionAgeGrace: Duration
  /// What the messages received may cost to decode.
  public var decode: DecodeLimits

  public init(
    maxFrameBytes: Int = 1024 * 1024, maxConcurrentCalls: Int = 4096,
    maxMessageBytes: Int = 4 * 1024 * 1024, streamWindowBytes: Int = 256 * 1024,
    maxStreamWindowBytes: Int = 4 * 1024 * 1024, connectionWindowBytes: Int = 4 * 1024 * 1024,
    maxBufferedBytes: Int = 64 * 1024 * 1024, maxStreamQueuedBytes: Int = 128 * 1024,
    maxQueuedBytes: Int = 16 * 1024 * 1024, maxUnreadBytes: Int = 64 * 1024 * 1024,
    writeTimeout: Duration = .seconds(30), handshakeTimeout: Duration = .seconds(5),
    frameTimeout: Duration = .seconds(10), keepaliveInterval: Duration = .seconds(10),
    keepaliveTimeout: Duration = .seconds(5), minPingInterval: Duration = .seconds(1),
    maxConnectionAge: Duration? = nil, maxConnectionAgeGrace: Duration = .seconds(30),
    decode: DecodeLimits = .standard
  ) {
    self.maxFrameBytes = maxFrameBytes
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxMessageBytes = maxMessageBytes
    self.streamWindowBytes = streamWindowBytes
    self.maxStreamWindowBytes = maxStreamWindowBytes
    self.connectionWindowBytes = connectionWindowBytes
    self.maxBufferedBytes = maxBufferedBytes
    self.maxStreamQueuedBytes = maxStreamQueuedBytes
    self.maxQueuedBytes = maxQueuedBytes
    self.maxUnreadBytes = maxUnreadBytes
    self.writeTimeout = writeTimeout
    self.handshakeTimeout = handshakeTimeout
    self.frameTimeout = frameTimeout
    self.keepaliveInterval = keepaliveInterval
    self.keepaliveTimeout = keepaliveTimeout
    self.minPingInterval = minPingInterval
    self.maxConnectionAge = maxConnectionAge
    self.maxConnectionAgeGrace = maxConnectionAgeGrace
    self.decode = decode
  }

  public static let standard = RPCLimits()

  /// What HELLO and SETTINGS say of streams.
  var streaming: StreamingLimits {
    StreamingLimits(
      streamWindow: self.streamWindowBytes, connectionWindow: self.connectionWindowBytes,
      maxMessageBytes: self.maxMessageBytes)
  }
}
