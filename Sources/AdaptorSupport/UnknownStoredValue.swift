/// A row holds a value that this version does not know: a newer version or another program wrote
/// it. Never guessed at.
package struct UnknownStoredValue: Error, Hashable, Sendable {
  package let column: String
  package let value: String

  package init(column: String, value: String) {
    self.column = column
    self.value = value
  }
}
