/// Every bound of a FramedRPC endpoint, with its unit.
public struct RPCLimits: Hashable, Sendable {
  /// How many calls a client may have in flight before it has read the server's SETTINGS.
  static let conservativeConcurrentCalls = 100

  /// Largest frame body accepted, in bytes, 64 KiB to 16 MiB; refused before a byte of it is kept.
  public var maxFrameBytes: Int
  /// Most calls at once on one connection; above it calls are answered "resource exhausted, not
  /// processed".
  public var maxConcurrentCalls: Int
  /// Most bytes waiting to be written to one connection before a client refuses calls. A server
  /// stops reading when its socket's write buffer is full.
  public var maxQueuedBytes: Int
  /// Time for the peer's half of the handshake.
  public var handshakeTimeout: Duration
  /// Time for the rest of a frame after its first byte.
  public var frameTimeout: Duration
  /// A client that waits for an answer pings a silent server after this long …
  public var keepaliveInterval: Duration
  /// … and gives the connection up after this much more silence.
  public var keepaliveTimeout: Duration
  public var decode: DecodeLimits

  public init(
    maxFrameBytes: Int = 1024 * 1024, maxConcurrentCalls: Int = 4096,
    maxQueuedBytes: Int = 16 * 1024 * 1024, handshakeTimeout: Duration = .seconds(5),
    frameTimeout: Duration = .seconds(10), keepaliveInterval: Duration = .seconds(10),
    keepaliveTimeout: Duration = .seconds(5), decode: DecodeLimits = .standard
  ) {
    self.maxFrameBytes = maxFrameBytes
    self.maxConcurrentCalls = maxConcurrentCalls
    self.maxQueuedBytes = maxQueuedBytes
    self.handshakeTimeout = handshakeTimeout
    self.frameTimeout = frameTimeout
    self.keepaliveInterval = keepaliveInterval
    self.keepaliveTimeout = keepaliveTimeout
    self.decode = decode
  }

  public static let standard = RPCLimits()
}
