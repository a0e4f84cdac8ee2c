import HTTPTypes
import W3CTrace

extension HTTPField.Name {
  static let idempotencyKey = HTTPField.Name.known("Idempotency-Key")
  static let requestID = HTTPField.Name.known("Request-Id")
  static let requestIDHint = HTTPField.Name.known("X-Request-Id")
  static let traceParent = HTTPField.Name.known(TraceContext.parentKey)
  static let traceState = HTTPField.Name.known(TraceContext.stateKey)
  static let retryAfter = HTTPField.Name.known("Retry-After")

  private static func known(_ name: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no header") }
    return name
  }
}
