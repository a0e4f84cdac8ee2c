/// What a request asks to do with a path.
package enum HTTPVerb: String, Hashable, Sendable, CaseIterable {
  case get = "GET"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"

  /// HEAD is served as GET, and the server leaves out the body.
  init?(serving method: String) {
    if method == "HEAD" { self = .get } else { self.init(rawValue: method) }
  }

  /// Whether a request of this verb brings a body that is read.
  var readsBody: Bool { self == .post || self == .put || self == .patch }
}
