import JSON

/// What a server answered to an ``HTTPClient``.
package struct HTTPResponse: Sendable {
  package let status: Int
  package var headers: [(name: String, value: String)] = []
  package var body: [UInt8] = []
  var keepsConnection = true

  init(status: Int) {
    self.status = status
  }

  /// The first header line of that name, whatever its case.
  package func header(_ name: String) -> String? {
    let name = name.lowercased()
    return self.headers.first { $0.name.lowercased() == name }?.value
  }

  package var text: String { String(decoding: self.body, as: UTF8.self) }

  /// The body as JSON, `null` when it is none, so that an expectation on a member fails instead
  /// of trapping.
  package var json: JSONValue {
    let limits = JSONLimits(maxBytes: self.body.count, maxMembers: self.body.count)
    return (try? JSONValue(parsing: self.body, limits: limits)) ?? .null
  }
}
