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
  /// A client that waits for an answer pings a silent server after this long …
  public var keepaliveInterval: Duration
  /// … and gives the connection up after this much more silence.
  public var keepaliveTimeout: Duration
  /// What the messages received may cost to decode.
  public var decode: DecodeLimits

  public init(
    maxFrameBytes: Int = 1024 * 1024, maxConcurrentCalls: Int = 4096,
    maxQueuedBytes: Int = 16 * 1024 * 1024, maxUnreadBytes: Int = 64 * 1024 * 1024,
    writeTimeout: Duration = .seconds(30), handshakeTimeout: Duration = .seconds(5),
    frameTimeout: Duration = .seconds(10), keepaliveInterval: Duration = .seconds(10),
    keepaliveTimeout: Duration = .seconds(5), decode: DecodeLimits = .standard
  ) {
    self.maxFrameBytes = maxFrameBytes
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxQueuedBytes = maxQueuedBytes
    self.maxUnreadBytes = maxUnreadBytes
    self.writeTimeout = writeTimeout
    self.handshakeTimeout = handshakeTimeout
    self.frameTimeout = frameTimeout
    self.keepaliveInterval = keepaliveInterval
    self.keepaliveTimeout = keepaliveTimeout
    self.decode = decode
  }

  public static let standard = RPCLimits()
}
