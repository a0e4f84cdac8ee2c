import JSON

/// What an adaptor answers; the server lays out the JSON and adds its own headers.
package struct RESTResponse: Sendable {
  package enum Body: Sendable {
    case none
    case json(JSONValue, mediaType: String)
    case bytes([UInt8], mediaType: String)
  }

  package var status: Int
  package var headers: [(name: String, value: String)]
  package var body: Body

  package init(
    _ status: Int, headers: [(name: String, value: String)] = [], body: Body = .none
  ) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package static func json(
    _ value: JSONValue, status: Int = 200, mediaType: String = MediaType.json
  ) -> RESTResponse {
    RESTResponse(status, body: .json(value, mediaType: mediaType))
  }

  package static func hal(_ value: JSONValue, status: Int = 200) -> RESTResponse {
    .json(value, status: status, mediaType: MediaType.hal)
  }

  package static func text(
    _ text: String, status: Int = 200, mediaType: String = "text/plain; charset=utf-8"
  ) -> RESTResponse {
    RESTResponse(status, body: .bytes(Array(text.utf8), mediaType: mediaType))
  }

  package static let noContent = RESTResponse(204)

  /// Where the thing that was made is found.
  package func location(_ href: String) -> RESTResponse {
    self.adding("Location", href)
  }

  /// When it is worth asking again.
  package func retryAfter(seconds: Int) -> RESTResponse {
    self.adding("Retry-After", String(seconds))
  }

  package func adding(_ name: String, _ value: String) -> RESTResponse {
    var response = self
    response.headers.append((name, value))
    return response
  }
}
