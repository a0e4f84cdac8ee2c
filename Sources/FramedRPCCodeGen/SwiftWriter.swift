/// Collects lines of Swift or C, indented by the blocks they stand in.
struct SwiftWriter {
  private(set) var text = ""
  private var depth = 0

  mutating func line(_ line: String = "") {
    if !line.isEmpty {
      self.text += String(repeating: "  ", count: self.depth) + line
    }
    self.text += "\n"
  }

  mutating func block(
    _ opening: String, closing: String? = "}", _ body: (inout SwiftWriter) throws -> Void
  ) rethrows {
    self.line(opening)
    self.depth += 1
    try body(&self)
    self.depth -= 1
    if let closing {
      self.line(closing)
    }
  }

  /// A .proto comment as documentation.
  mutating func documentation(_ comment: String?) {
    guard let comment else { return }
    for line in comment.split(separator: "\n") {
      let text = line.drop { $0 == " " }
      self.line(text.isEmpty ? "///" : "/// \(text)")
    }
  }
}
