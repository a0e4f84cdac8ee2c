/// Who asks, and under which request id.
package struct Caller: Hashable, Sendable {
  /// The scope of idempotency keys: the authenticated subject, or `anonymous`.
  package let name: String
  /// Follows one request through every service and log line.
  package let requestID: String
  package let identity: Identity

  /// One who may do everything.
  package init(name: String = "anonymous", requestID: String) {
    self.name = name
    self.requestID = requestID
    self.identity = .unrestricted
  }

  /// One whom a token names.
  package init(_ subject: Subject, requestID: String) {
    self.name = subject.name
    self.requestID = requestID
    self.identity = .subject(subject)
  }

  /// What the events raised for this caller say about their origin.
  package var cause: Cause { Cause(id: self.requestID) }
}

/// The request id or event id that made something happen: the causation id of an event.
package struct Cause: Hashable, Sendable {
  package let id: String

  package init(id: String) {
    self.id = id
  }
}
