import HTTPTypes
import JSON
import Kernel
import Logging

/// One request as an adaptor sees it: the body is read, the path is matched.
package struct RESTRequest: Sendable {
  package let verb: HTTPVerb
  /// As it came: percent-encoded and without the query.
  package let path: String
  /// Who asks, and under which request id.
  package let caller: Caller
  package let body: [UInt8]
  private let rawQuery: Substring
  private let parameters: [PathParameter]
  private let headers: HTTPFields
  private let baseLogger: Logger

  init(
    _ verb: HTTPVerb, target: RequestTarget, parameters: [PathParameter], headers: HTTPFields,
    body: [UInt8], caller: Caller, logger: Logger
  ) {
    self.verb = verb
    self.path = target.path
    self.rawQuery = target.query
    self.parameters = parameters
    self.headers = headers
    self.body = body
    self.caller = caller
    self.baseLogger = logger
  }

  /// Its lines carry the request id.
  package var logger: Logger { self.baseLogger.naming(request: self.caller.requestID) }

  /// The decoded parameters after the `?`.
  package var query: QueryParameters {
    get throws(HTTPProblem) { try QueryParameters(self.rawQuery) }
  }

  /// The decoded segment of the path that its pattern calls `{name}`.
  package func parameter(_ name: String) -> String? {
    self.parameters.first { $0.name == name }?.value
  }

  /// The value of a header; several lines are joined by commas.
  package func header(_ name: String) -> String? {
    HTTPField.Name(name).flatMap { self.headers[$0] }
  }

  /// All header lines as they came, names in lower case.
  package var headerLines: [(name: String, value: String)] {
    self.headers.map { ($0.name.canonicalName, $0.value) }
  }

  /// The id in the path, of the thing that the problem calls `what`.
  package func pathID<Kind>(of what: String) throws(Problem) -> Identifier<Kind> {
    let text = self.parameter("id") ?? ""
    guard let value = DecimalText.pathID(text) else {
      throw .notFound(what, String(text.prefix(64)))
    }
    return Identifier(value)
  }

  /// The body as JSON, after its media type was checked.
  package func json() throws(HTTPProblem) -> JSONValue {
    try self.checkMediaType()
    guard !self.body.isEmpty else { throw .emptyBody }
    do {
      return try JSONValue(parsing: self.body, limits: JSONLimits(maxBytes: self.body.count))
    } catch {
      throw .malformedJSON(error)
    }
  }

  /// A reader for the fields of the body, which must be a JSON object.
  package func fields() throws -> FieldReader {
    try FieldReader(try self.json())
  }

  /// The caller's name for this command, when it gave one.
  package func idempotencyKey() throws(HTTPProblem) -> IdempotencyKey? {
    let lines = self.headers[values: .idempotencyKey]
    guard let line = lines.first else { return nil }
    guard lines.count == 1 else { throw .malformedIdempotencyKey("must be one header line") }
    do {
      return try IdempotencyKey(line)
    } catch {
      throw .malformedIdempotencyKey(error.reason)
    }
  }

  private func checkMediaType() throws(HTTPProblem) {
    if let coding = self.headers[.contentEncoding], coding.lowercased() != "identity" {
      throw .unsupportedMediaType("a body with the content coding \(coding) is not accepted")
    }
    guard let type = self.headers[.contentType], !MediaType.isJSON(type) else { return }
    throw .unsupportedMediaType("\(type) is not accepted; send application/json")
  }
}

/// What the first line of a request points at, split at its question mark.
struct RequestTarget {
  let path: String
  let query: Substring

  init(_ target: String?) {
    let target = target ?? "/"
    guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else {
      self.path = target
      self.query = ""
      return
    }
    self.path = String(target[..<mark])
    self.query = target[target.utf8.index(after: mark)...]
  }
}

/// One `{name}` of a path pattern with what stood there.
struct PathParameter: Sendable {
  let name: String
  let value: String
}

extension Logger {
  /// This logger with the request id as the one thing that names the request.
  func naming(request id: String) -> Logger {
    var logger = self
    logger[metadataKey: "hb.request.id"] = nil
    logger[metadataKey: "request.id"] = .string(id)
    return logger
  }
}
