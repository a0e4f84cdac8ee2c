/// Why JSON is not the message it was meant to be, or bytes are not.
package struct TranscodingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where: `everything.inners[2].name`; empty for the message itself.
  package var path: String
  package let reason: String

  package init(path: String = "", _ reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String {
    self.path.isEmpty ? self.reason : "\(self.path): \(self.reason)"
  }

  /// The same error, seen from the message around the field.
  func inside(_ field: String) -> TranscodingError {
    let joined =
      self.path.isEmpty || self.path.hasPrefix("[")
      ? field + self.path : "\(field).\(self.path)"
    return TranscodingError(path: joined, self.reason)
  }
}
