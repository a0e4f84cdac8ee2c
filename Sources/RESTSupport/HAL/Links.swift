/// Makes the links of answers, always from the configured public address: a Host header would let
/// the caller choose them, and the service's own address means nothing outside (trap T49).
package struct Links: Hashable, Sendable {
  /// Without a slash at the end: `http://localhost:8088`.
  package let publicBaseURL: String

  package init(publicBaseURL: String) {
    var url = publicBaseURL[...]
    while url.last == "/" { url.removeLast() }
    self.publicBaseURL = String(url)
  }

  /// The link to a path, whose segments are percent-encoded here.
  package func href(_ segments: String...) -> String {
    var href = self.publicBaseURL
    for segment in segments {
      href += "/"
      href += PercentCoding.encode(segment)
    }
    return href
  }

  /// `?page=0&sort=name%2Cdesc`, or nothing when there are no parameters.
  static func query(_ parameters: [(name: String, value: String)]) -> String {
    var query = ""
    for (name, value) in parameters {
      query += query.isEmpty ? "?" : "&"
      query += "\(PercentCoding.encode(name))=\(PercentCoding.encode(value))"
    }
    return query
  }
}
