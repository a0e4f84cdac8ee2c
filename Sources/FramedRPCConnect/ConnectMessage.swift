/// One unary request of the Connect protocol as the HTTP server got it: its path and its verb are
/// matched already, its body is read.
package struct ConnectRequest: Sendable {
  /// The last part of the path: `Enroll`.
  package let method: String
  /// Header lines as they came, names in lower case; a name may come more than once.
  package let headers: [(name: String, value: String)]
  package let body: [UInt8]
  /// Names the request in logs and events; it travels on as metadata.
  package let requestID: String
  /// What the HTTP server itself adds to the call: who its caller is. No header sets these keys.
  package let metadata: [(key: String, value: String)]

  package init(
    method: String, headers: [(name: String, value: String)], body: [UInt8], requestID: String,
    metadata: [(key: String, value: String)] = []
  ) {
    self.method = method
    self.headers = headers
    self.body = body
    self.requestID = requestID
    self.metadata = metadata
  }

  /// The first value of a header.
  ///
  /// - Parameter name: in lower case.
  func header(_ name: String) -> String? {
    self.headers.first { $0.name == name }?.value
  }
}

/// What the HTTP server is to answer.
package struct ConnectResponse: Hashable, Sendable {
  package struct Header: Hashable, Sendable {
    package let name: String
    package let value: String
  }

  package let status: Int
  package let contentType: String
  /// Beside the content type, in order; a name may come more than once.
  package let headers: [Header]
  package let body: [UInt8]
}
