import JSON
import TestSupport

extension HTTPClient {
  /// What POST, PUT, PATCH and DELETE of a path are answered: the verb, the status, and `Allow`.
  package func attemptsToWrite(_ path: String) async throws -> [String] {
    var answers: [String] = []
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
      let body = method == "DELETE" ? nil : "{}"
      let response = try await self.request(method, path, body: body)
      answers.append("\(method) \(response.status) \(response.header("Allow") ?? "-")")
    }
    return answers
  }

  /// What ``attemptsToWrite(_:)`` finds where nothing may be written (trap T23).
  package static let readOnly = ["POST", "PUT", "PATCH", "DELETE"].map {
    "\($0) 405 GET, HEAD, OPTIONS"
  }
}

extension JSONValue {
  /// nil for null; a member that is not there is an error.
  package func nullableInteger(_ name: String) throws -> Int64? {
    try self.member(name) == .null ? nil : try self.integer(name)
  }

  /// A string that stands for something else, or null.
  package func nullableValue<Value>(_ name: String, _ read: (String) -> Value?) throws -> Value? {
    try self.member(name) == .null ? nil : try self.value(name, read)
  }

  /// What to throw when this answer is not as wanted.
  package func unexpected(wanted: String) -> UnexpectedJSON {
    UnexpectedJSON(wanted: wanted, found: self)
  }
}
