/// What a text field of a request must look like.
package struct TextRule: Hashable, Sendable {
  /// The field's name in requests.
  package let field: String
  /// In Unicode scalars. A field that may not be empty may not be blank either.
  package let length: ClosedRange<Int>

  package init(_ field: String, length: ClosedRange<Int>) {
    self.field = field
    self.length = length
  }

  /// - Returns: nil when nothing is wrong with `text`.
  package func check(_ text: String) -> FieldProblem? {
    if self.isPlain(text) { return nil }
    let scalars = text.unicodeScalars
    if self.length.lowerBound > 0, scalars.allSatisfy(\.properties.isWhitespace) {
      return FieldProblem(self.field, "must not be blank")
    }
    guard self.length.contains(scalars.count) else {
      return FieldProblem(
        self.field,
        "must have \(self.length.lowerBound) to \(self.length.upperBound) characters, "
          + "got \(scalars.count)")
    }
    guard scalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
      return FieldProblem(self.field, "must not contain control characters")
    }
    guard scalars.allSatisfy({ !Self.isInvisible($0) }) else {
      return FieldProblem(self.field, "must not contain invisible characters")
    }
    if let first = scalars.first, let last = scalars.last,
      first.properties.isWhitespace || last.properties.isWhitespace
    {
      return FieldProblem(self.field, "must not begin or end with a blank")
    }
    return nil
  }

  /// Printable ASCII of a good length without a blank at either end, which most texts are: known by
  /// its bytes, without looking up properties of Unicode.
  private func isPlain(_ text: String) -> Bool {
    let bytes = text.utf8
    return self.length.contains(bytes.count) && bytes.allSatisfy { 0x20...0x7E ~= $0 }
      && bytes.first != 0x20 && bytes.last != 0x20
  }

  /// Two texts that look the same must be the same: zero-width spaces and marks of direction are
  /// refused. The joiners that emoji and some scripts are written with are not.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .format && scalar != "\u{200C}" && scalar != "\u{200D}"
      && !(0xE0020...0xE007F).contains(scalar.value)
  }
}
