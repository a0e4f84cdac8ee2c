public import NIOCore

extension RPCStatus {
  /// The status that an error of a handler or a channel stands for, as the caller will see it.
  ///
  /// - Parameter deadline: the call's, when a cancellation after it counts as its passing.
  public init(of error: any Error, deadline: NIODeadline? = nil) {
    let status =
      switch error {
      case let error as RPCError: error.status
      case is CancellationError: RPCStatus.cancelled
      default: RPCStatus.internal
      }
    switch status {
    case .ok: self = .internal
    case .cancelled where deadline.map { $0 <= .now() } ?? false: self = .deadlineExceeded
    default: self = status
    }
  }
}
