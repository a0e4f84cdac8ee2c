/// Makes the links of answers, always from the configured public address: a Host header would let
/// the caller choose them, and the service's own address means nothing outside (trap T49).
package struct Links: Sendable {
  private enum Base {
    case fixed(String)
    case late(@Sendable () -> String)
  }

  private let base: Base

  package init(publicBaseURL: String) {
    self.base = .fixed(Self.trimmed(publicBaseURL))
  }

  /// For an address that is only known once its port is bound: `publicBaseURL` is asked for each
  /// link.
  package init(publicBaseURL: @escaping @Sendable () -> String) {
    self.base = .late(publicBaseURL)
  }

  /// Without a slash at the end: `http://localhost:8088`.
  package var publicBaseURL: String {
    switch self.base {
    case .fixed(let url): url
    case .late(let url): Self.trimmed(url())
    }
  }

  /// Whether a link that was made once stays right.
  var areFixed: Bool {
    if case .fixed = self.base { true } else { false }
  }

  private static func trimmed(_ url: String) -> String {
    var url = url[...]
    while url.last == "/" { url.removeLast() }
    return String(url)
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
