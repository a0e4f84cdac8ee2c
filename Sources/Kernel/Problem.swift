/// An error a core can explain to its caller.
///
/// Each core has closed enums of its own; `problem` is the one form that every adaptor can map
/// (REST to RFC 9457, RPC to a status with detail) without knowing the enum.
package protocol DomainError: Error, Sendable {
  var problem: Problem { get }
}

/// What went wrong, in words that survive every protocol: the same `code` appears in the REST
/// problem and in the RPC status.
package struct Problem: DomainError, Hashable {
  /// What the caller can do about it.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Fields are missing, unknown or wrong: mend the request.
    case invalid
    /// The thing does not exist.
    case notFound
    /// The caller may not do this.
    case forbidden
    /// The state of the thing forbids it.
    case conflict
    /// The payment was declined.
    case declined
    /// The same idempotency key came with another request.
    case keyReused
    /// Nothing is wrong with the request: try again later.
    case unavailable
    /// Nothing is wrong with the request, but others come first: come again as told.
    case tooMany
    /// Nothing is wrong with the request, but a service behind this one answered with nonsense, or
    /// with its own failure; whether it did as it was asked is not known.
    case failed

    /// Whether a core said this of the request, so that it will say it again; else nothing is known
    /// of what was asked, and no conclusion may be drawn from it (trap T2).
    package var isAnswer: Bool {
      switch self {
      case .invalid, .notFound, .conflict, .declined, .keyReused: true
      case .unavailable, .tooMany, .failed, .forbidden: false
      }
    }
  }

  package let kind: Kind
  /// Stable, kebab-case: `fee-mismatch`.
  package let code: String
  /// One short sentence that is the same for every occurrence of `code`.
  package let title: String
  /// What happened this time.
  package let detail: String
  package let fields: [FieldProblem]
  /// When it is worth asking again, in seconds.
  package let retryAfterSeconds: Int?

  package init(
    _ kind: Kind, code: String, title: String, detail: String, fields: [FieldProblem] = [],
    retryAfterSeconds: Int? = nil
  ) {
    self.kind = kind
    self.code = code
    self.title = title
    self.detail = detail
    self.fields = fields
    self.retryAfterSeconds = retryAfterSeconds
  }

  package var problem: Problem { self }
}

/// One wrong field of a request: its name as the caller wrote it, and what is wrong.
package struct FieldProblem: Hashable, Sendable {
  package let field: String
  package let reason: String

  package init(_ field: String, _ reason: String) {
    self.field = field
    self.reason = reason
  }
}

extension Problem {
  package static func invalid(_ fields: [FieldProblem]) -> Problem {
    Problem(
      .invalid, code: "validation-failed", title: "The request has wrong fields",
      detail: fields.map { "\($0.field) \($0.reason)" }.joined(separator: "; "), fields: fields)
  }

  /// A thing named by `what` and `id` does not exist.
  package static func notFound(_ what: String, _ id: String) -> Problem {
    Problem(
      .notFound, code: "not-found", title: "There is no such thing",
      detail: "there is no \(what) \(id)")
  }

  /// The state of a thing forbids what was asked.
  package static func conflict(_ code: String, title: String, detail: String) -> Problem {
    Problem(.conflict, code: code, title: title, detail: detail)
  }

  package static func unavailable(_ detail: String, retryAfterSeconds: Int = 1) -> Problem {
    Problem(
      .unavailable, code: "dependency-unavailable", title: "Please try again later",
      detail: detail, retryAfterSeconds: retryAfterSeconds)
  }

  /// The same idempotency key came with another request.
  package static let idempotencyKeyReused = Problem(
    .keyReused, code: "idempotency-key-reused", title: "The idempotency key is taken",
    detail: "this Idempotency-Key was used before with another request")

  /// The first request with this key has not been answered yet.
  package static let idempotencyInProgress = Problem(
    .conflict, code: "idempotency-in-progress", title: "The first request is still running",
    detail: "a request with this Idempotency-Key is still running", retryAfterSeconds: 1)
}
