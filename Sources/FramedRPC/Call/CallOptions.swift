import NIOCore

/// How one call behaves.
public struct CallOptions: Sendable {
  /// How long the caller waits, in all; an earlier deadline of the current ``RPCContext`` wins. nil
  /// means for ever, unless that context has a deadline.
  public var timeout: Duration?
  /// Sent beside the request; a request id of the current context is added when it has none.
  public var metadata: RPCMetadata
  /// Wait for a connection until the deadline, rather than fail at once when there is none.
  public var waitForReady: Bool
  /// Told, before a unary call returns its answer, what metadata came with it, if any did. An
  /// error carries its own; a stream has it in ``RPCByteStream/trailingMetadata``.
  public var onResponseMetadata: (@Sendable (RPCMetadata) -> Void)?

  /// The defaults: five seconds, no metadata, an error at once when the server cannot be reached.
  public init(
    timeout: Duration? = .seconds(5), metadata: RPCMetadata = RPCMetadata(),
    waitForReady: Bool = false, onResponseMetadata: (@Sendable (RPCMetadata) -> Void)? = nil
  ) {
    self.timeout = timeout
    self.metadata = metadata
    self.waitForReady = waitForReady
    self.onResponseMetadata = onResponseMetadata
  }

  /// The earlier of `timeout` from now and the deadline of the call that is being answered.
  func deadline(now: NIODeadline, inherited: NIODeadline?) -> NIODeadline? {
    let own = self.timeout.map { now + .nanoseconds($0.wholeNanoseconds) }
    guard let inherited else { return own }
    return own.map { min($0, inherited) } ?? inherited
  }
}

extension Duration {
  /// Clamped to what 64 bits hold, some 292 years.
  ///
  /// Up to nine seconds by a division of 64 bits: that of 128 bits, which its components need, costs
  /// a hundredth of a call.
  var wholeNanoseconds: Int64 {
    let attoseconds = self.attoseconds
    if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }
}
