/// The media types of this system.
package enum MediaType {
  package static let alps = "application/alps+json"
  package static let hal = "application/hal+json"
  package static let json = "application/json"
  package static let problem = "application/problem+json"

  private static let readable = [json, hal, "application/merge-patch+json"]

  /// Whether a body of that content type is read as JSON.
  static func isJSON(_ contentType: String) -> Bool {
    if self.readable.contains(contentType) { return true }
    let essence = contentType.prefix { $0 != ";" && $0 != " " && $0 != "\t" }.lowercased()
    return self.readable.contains(essence)
  }
}
