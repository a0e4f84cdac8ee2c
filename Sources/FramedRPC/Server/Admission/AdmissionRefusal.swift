package import NIOCore

/// Why a call is not run, and when it is worth while to come again.
package struct AdmissionRefusal: Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    case queueFull
    /// It has waited for the longest queue time.
    case queueTime
    /// Its deadline has passed.
    case expired
    /// Less time is left than such calls take.
    case tooLate
  }

  package let reason: Reason
  /// nil when the call itself has no time left.
  package let retryAfter: TimeAmount?

  package init(reason: Reason, retryAfter: TimeAmount?) {
    self.reason = reason
    self.retryAfter = retryAfter
  }

  /// The answer: it says that nothing was done.
  package var error: RPCError {
    let text =
      switch self.reason {
      case .queueFull: "the server is overloaded: too many calls wait"
      case .queueTime: "the server is overloaded: the call has waited too long"
      case .tooLate: "the server is overloaded: too little time is left for the call"
      case .expired: "the deadline passed while the call waited"
      }
    var metadata = RPCMetadata()
    if let retryAfter = self.retryAfter {
      let milliseconds = (retryAfter.nanoseconds + 999_999) / 1_000_000
      metadata.appendTrusted(RPCError.wireRetryAfterKey, String(milliseconds))
    }
    return RPCError(
      self.reason == .expired ? .deadlineExceeded : .resourceExhausted, text,
      reason: RPCError.overloadedReason, metadata: metadata, notProcessed: true, overloaded: true)
  }
}

extension RPCError {
  /// The ``reason`` of what a server refuses because it has too much to do.
  public static let overloadedReason = "overloaded"
  /// The metadata key of ``retryAfter``.
  public static let retryAfterKey = "\(wireRetryAfterKey)"
  static let wireRetryAfterKey: StaticString = "retry-after-ms"

  /// How long the server asks to stay away with the same call (`retry-after-ms`, whole
  /// milliseconds); nil when it says nothing, or that the call should not come again, see
  /// ``mustNotRetry``. Clients add their own jitter: all that are refused at once hear the same.
  public var retryAfter: Duration? {
    guard case .after(let time) = RetryPushback(self.metadata) else { return nil }
    return .nanoseconds(time.nanoseconds)
  }

  /// The server asks not to send the call again at all: DO_NOT_RETRY, or a time that is negative or
  /// no number.
  public var mustNotRetry: Bool { RetryPushback(self) == .never }
}
