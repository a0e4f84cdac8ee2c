import JSON

/// What this layer itself refuses.
extension HTTPProblem {
  static let internalError = HTTPProblem(
    500, code: "internal-error", title: "Something is broken here",
    detail: "the request was fine, this service was not; the request id helps to find out why")

  static let shuttingDown = HTTPProblem(
    503, code: "shutting-down", title: "Please try again later",
    detail: "this service is shutting down", retryAfterSeconds: 1)

  /// More than can be done in time.
  package static func overloaded(_ detail: String, retryAfterSeconds: Int) -> HTTPProblem {
    HTTPProblem(
      503, code: "overloaded", title: "Please try again later", detail: detail,
      retryAfterSeconds: retryAfterSeconds)
  }

  /// One caller asks for more than its share.
  package static func tooManyRequests(retryAfterSeconds: Int) -> HTTPProblem {
    HTTPProblem(
      429, code: "too-many-requests", title: "Please ask more slowly",
      detail: "there is a limit to how many requests one caller may send in a time",
      retryAfterSeconds: retryAfterSeconds)
  }

  static let noSuchRoute = HTTPProblem(
    404, code: "no-such-route", title: "There is nothing at this path",
    detail: "no resource has this path")

  static func methodNotAllowed(_ method: String, allow: String) -> HTTPProblem {
    var problem = HTTPProblem(
      405, code: "method-not-allowed", title: "The path does not offer this method",
      detail: "\(method) is not offered here, \(allow) are")
    problem.allow = allow
    return problem
  }

  static func bodyTooLarge(maxBytes: Int) -> HTTPProblem {
    HTTPProblem(
      413, code: "body-too-large", title: "The body is too large",
      detail: "a body may have \(maxBytes) bytes")
  }

  static let emptyBody = HTTPProblem(
    400, code: "malformed-json", title: "The body is not JSON",
    detail: "the body is empty, a JSON object was expected")

  static func malformedJSON(_ error: JSONError) -> HTTPProblem {
    HTTPProblem(
      400, code: "malformed-json", title: "The body is not JSON",
      detail: "\(error.reason), at byte \(error.offset)")
  }

  static let malformedQuery = HTTPProblem(
    400, code: "malformed-query", title: "The query cannot be read",
    detail: "a percent escape in the query is broken")

  static func malformedIdempotencyKey(_ reason: String) -> HTTPProblem {
    HTTPProblem(
      400, code: "malformed-idempotency-key", title: "The Idempotency-Key cannot be used",
      detail: "Idempotency-Key \(reason)")
  }

  static func unsupportedMediaType(_ detail: String) -> HTTPProblem {
    HTTPProblem(
      415, code: "unsupported-media-type", title: "The body has the wrong media type",
      detail: detail)
  }

  static let malformedHTTP = HTTPProblem(
    400, code: "malformed-http", title: "This is not HTTP/1.1",
    detail: "the request cannot be read")

  static func badHost(_ detail: String) -> HTTPProblem {
    HTTPProblem(400, code: "bad-host", title: "The Host header cannot be used", detail: detail)
  }

  static func targetTooLong(maxBytes: Int) -> HTTPProblem {
    HTTPProblem(
      414, code: "target-too-long", title: "The request target is too long",
      detail: "the first line of a request may have \(maxBytes) bytes")
  }

  static let expectationFailed = HTTPProblem(
    417, code: "expectation-failed", title: "The expectation cannot be met",
    detail: "the only expectation that is known is 100-continue")

  static func headersTooLarge(maxBytes: Int, maxLines: Int) -> HTTPProblem {
    HTTPProblem(
      431, code: "headers-too-large", title: "The headers are too large",
      detail: "the headers may have \(maxLines) lines and, with the target, \(maxBytes) bytes")
  }

  static func methodNotImplemented(_ method: String) -> HTTPProblem {
    HTTPProblem(
      501, code: "method-not-implemented", title: "The method is not known",
      detail: "\(method) is no method of this server")
  }

  static let transferCodingNotImplemented = HTTPProblem(
    501, code: "transfer-coding-not-implemented", title: "The transfer coding is not known",
    detail: "the only Transfer-Encoding is chunked, in one line and with HTTP/1.1")

  static func notReady(_ reasons: [String]) -> HTTPProblem {
    HTTPProblem(
      503, code: "not-ready", title: "This service is not ready",
      detail: reasons.joined(separator: "; "), retryAfterSeconds: 1)
  }
}
