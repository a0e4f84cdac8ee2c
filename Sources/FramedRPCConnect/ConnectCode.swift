import FramedRPC

/// The words and the HTTP statuses of the error codes; the tables are those of the Connect protocol
/// reference, "Error Codes".
extension RPCStatus {
  /// The code as Connect spells it. OK is no code of an error: a server that fails with it is taken
  /// for one that does not know why.
  package var connectCode: String {
    switch self {
    case .ok, .unknown: "unknown"
    case .cancelled: "canceled"
    default: self.name.lowercased()
    }
  }

  package var connectHTTPStatus: Int {
    switch self {
    case .cancelled: 499
    case .ok, .unknown, .internal, .dataLoss: 500
    case .invalidArgument, .failedPrecondition, .outOfRange: 400
    case .deadlineExceeded: 504
    case .notFound: 404
    case .alreadyExists, .aborted: 409
    case .permissionDenied: 403
    case .resourceExhausted: 429
    case .unimplemented: 501
    case .unavailable: 503
    case .unauthenticated: 401
    }
  }
}
