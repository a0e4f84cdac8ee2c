import JSON
import Kernel

/// An answer of 4xx or 5xx: RFC 9457 with this system's own members.
///
/// Adaptors throw a ``Problem``; this one says what only HTTP has words for.
package struct HTTPProblem: Error, Hashable, Sendable {
  package let status: Int
  /// Stable, kebab-case; the last part of `type`.
  package let code: String
  package let title: String
  package let detail: String
  package var fields: [FieldProblem] = []
  package var retryAfterSeconds: Int?
  /// The verbs that the path does offer, for a 405.
  package var allow: String?
  /// How to show who one is, for a 401.
  package var challenge: String?
  /// Where to go on instead.
  package var links: [Link] = []

  /// One member of the body's `_links`.
  package struct Link: Hashable, Sendable {
    package let relation: String
    package let href: String

    package init(_ relation: String, _ href: String) {
      self.relation = relation
      self.href = href
    }
  }

  package init(
    _ status: Int, code: String, title: String, detail: String, fields: [FieldProblem] = [],
    retryAfterSeconds: Int? = nil
  ) {
    self.status = status
    self.code = code
    self.title = title
    self.detail = detail
    self.fields = fields
    self.retryAfterSeconds = retryAfterSeconds
  }

  /// The HTTP form of what a core said.
  package init(_ problem: Problem) {
    self.init(
      HTTPProblem.status(of: problem.kind), code: problem.code, title: problem.title,
      detail: problem.detail, fields: problem.fields,
      retryAfterSeconds: problem.retryAfterSeconds
        ?? ([.unavailable, .tooMany].contains(problem.kind) ? 1 : nil))
  }

  package static func status(of kind: Problem.Kind) -> Int {
    switch kind {
    case .invalid, .keyReused: 422
    case .notFound: 404
    case .forbidden: 403
    case .conflict: 409
    case .declined: 402
    case .unavailable: 503
    case .tooMany: 429
    case .failed: 502
    }
  }

  func body(instance: String, requestID: String) -> JSONValue {
    var object: JSONObject = [
      "type": .string("/problems/" + self.code),
      "title": .string(self.title),
      "status": .integer(self.status),
      "detail": .string(self.detail),
      "instance": .string(instance),
      "code": .string(self.code),
      "request_id": .string(requestID),
    ]
    if !self.fields.isEmpty {
      object.append(
        "errors",
        .array(
          self.fields.map { ["field": .string($0.field), "reason": .string($0.reason)] }))
    }
    if !self.links.isEmpty {
      object.append(
        "_links",
        .object(JSONObject(self.links.map { .init($0.relation, HALLink.to($0.href)) })))
    }
    return .object(object)
  }
}
