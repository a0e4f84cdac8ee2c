public import NIOCore

/// What a server says of trying again, in the metadata of an error: gRFC A6's
/// `grpc-retry-pushback-ms`, under the key ``key``.
///
/// Without it the client's own backoff counts. A number of milliseconds from 0 on delays the next
/// attempt by just that; it makes no retry of what must not be retried, nor more of them. A
/// negative number, or what is no number of 32 bits, forbids any further attempt.
public enum RetryPushback: Hashable, Sendable {
  public static let key = RPCError.retryAfterKey

  case after(TimeAmount)
  case never

  /// nil when the error says nothing of it.
  public init?(_ error: RPCError) {
    if error.doNotRetry {
      self = .never
      return
    }
    self.init(error.metadata)
  }

  /// What the metadata alone says.
  init?(_ metadata: RPCMetadata) {
    guard let value = metadata.values(of: Self.key).first else { return nil }
    guard let milliseconds = Int32(String(decoding: value, as: UTF8.self)), milliseconds >= 0
    else {
      self = .never
      return
    }
    self = .after(.milliseconds(Int64(milliseconds)))
  }
}

/// The mark of an attempt that is not the first.
///
/// A call that is made while such a call is being answered is not retried and carries the mark on:
/// however deep the chain of servers is, one failure is tried again at one place (Kitex's chain
/// stop). Otherwise three attempts at each of five layers would be 243 calls at the last.
enum RetryMark {
  /// Its value is the number of the attempt, 1 for the first retry.
  static let key = "retry-attempt"

  /// The mark of the call that is being answered, nil when it is a first attempt.
  static var inherited: String? { RPCContext.current?.metadata[Self.key] }
}
