import FramedRPC
import Kernel

/// A problem crosses the wire whole: the status for any RPC client, the rest as metadata, so that
/// the other side gives its callers the same answer as this one.
extension RPCError {
  private enum Key {
    static let kind = "problem-kind"
    static let title = "problem-title"
    static let retryAfter = "retry-after-s"
    /// Repeated: field name, line feed, reason.
    static let field = "problem-field"
  }

  package init(_ problem: Problem) {
    self.init(Self.status(problem.kind), problem.detail, reason: problem.code)
    // Metadata over its limits is left out: the status, the code and the detail always fit.
    try? self.metadata.append(Key.kind, problem.kind.rawValue)
    try? self.metadata.append(Key.title, problem.title)
    if let seconds = problem.retryAfterSeconds {
      try? self.metadata.append(Key.retryAfter, String(seconds))
    }
    for field in problem.fields {
      try? self.metadata.append(Key.field, "\(field.field)\n\(field.reason)")
    }
  }

  private static func status(_ kind: Problem.Kind) -> RPCStatus {
    switch kind {
    case .invalid, .keyReused: .invalidArgument
    case .notFound: .notFound
    case .forbidden: .permissionDenied
    case .conflict, .declined: .failedPrecondition
    case .unavailable: .unavailable
    case .tooMany: .resourceExhausted
    case .failed: .internal
    }
  }

  /// The problem that a core on the other side explained, or nil when the error is the runtime's.
  package var problem: Problem? {
    guard let kind = self.metadata[Key.kind].flatMap(Problem.Kind.init(rawValue:)),
      let code = self.reason
    else { return nil }
    let fields = self.metadata.values(of: Key.field).compactMap { value -> FieldProblem? in
      let parts = String(decoding: value, as: UTF8.self)
        .split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      return parts.count == 2 ? FieldProblem(String(parts[0]), String(parts[1])) : nil
    }
    return Problem(
      kind, code: code, title: self.metadata[Key.title] ?? code, detail: self.message,
      fields: fields, retryAfterSeconds: self.metadata[Key.retryAfter].flatMap { Int($0) })
  }

  /// When to come again, in whole seconds as HTTP has them: 1 if the server says nothing.
  package var retryAfterSeconds: Int {
    let seconds = (self.retryAfter ?? .zero) / .seconds(1)
    return max(1, Int(seconds.rounded(.up)))
  }

  /// The server could not be reached, had no time or no room: another try may succeed.
  package var isUnavailable: Bool {
    switch self.status {
    case .unavailable, .deadlineExceeded, .resourceExhausted, .cancelled: true
    default: false
    }
  }
}

/// Runs a use case for an RPC handler; its domain errors become statuses.
package func answering<Answer>(_ work: () async throws -> Answer) async throws -> Answer {
  do {
    return try await work()
  } catch let error as any DomainError {
    throw RPCError(error.problem)
  }
}

/// Makes a call for a port's client; statuses become the domain errors they were, a service that
/// cannot be reached becomes a problem with a time to come back, and one that answers with its own
/// failure or with nonsense a ``ServiceFailure``: who asks here hears nothing of statuses.
///
/// - Parameter mayRepeat: Whether asking again can do no harm though it is not known what became of
///   the first time. So it is with everything but two methods: reads change nothing; changes,
///   removals and cancellations say what is to be of a thing that they name; payments, gifts and
///   refunds have the class or the payment for their key; a student has one place in either line.
///   Only a new course and a new class are made once more each time they are asked for, unless an
///   idempotency key tells that it is the same wish.
package func asking<Answer>(
  _ service: String, mayRepeat: Bool = true, _ call: () async throws -> Answer
) async throws -> Answer {
  do {
    return try await call()
  } catch let error as RPCError {
    if let problem = error.problem { throw problem }
    let mayRepeat = mayRepeat || error.notProcessed
    guard error.isUnavailable else {
      throw ServiceFailure(service: service, error: error, mayRepeat: mayRepeat)
    }
    // What went wrong names addresses: nothing for the public.
    let reason =
      error.overloaded
      ? "the \(service) service has too much to do"
      : "the \(service) service cannot answer now"
    // The time is when the service may be back, also for who has to look before asking again.
    throw Problem.unavailable(
      mayRepeat ? reason : reason + ServiceFailure.lookFirst,
      retryAfterSeconds: error.retryAfterSeconds)
  } catch {
    if error is any DomainError || error is CancellationError { throw error }
    // The answer cannot be read as what it should be.
    throw ServiceFailure(service: service, error: error, mayRepeat: mayRepeat)
  }
}

/// A service behind this one failed while it answered, or its answer makes no sense. The fault is
/// not in this process: callers hear 502, and the operators of this one the error.
package struct ServiceFailure: DomainError {
  fileprivate static let lookFirst =
    "; it is not known whether this was done: look before you ask again"

  package let service: String
  /// Not for the public.
  package let error: any Error
  package let mayRepeat: Bool

  package var problem: Problem {
    let reason = "the \(self.service) service failed while it answered"
    return Problem(
      .failed, code: "dependency-failed", title: "A service behind this one failed",
      detail: self.mayRepeat ? reason : reason + Self.lookFirst,
      retryAfterSeconds: self.mayRepeat ? 1 : nil)
  }
}

/// The part of an answer that must be there.
///
/// - Throws: ``RPCError`` internal: the server broke its contract.
package func required<Value>(_ value: Value?, _ what: String) throws -> Value {
  guard let value else { throw RPCError(.internal, "the answer has no \(what)") }
  return value
}
