/// How much JSON a parser takes before it refuses.
package struct JSONLimits: Hashable, Sendable {
  package let maxBytes: Int
  /// Arrays and objects inside each other.
  package let maxDepth: Int
  /// Object members and array elements in the whole text.
  package let maxMembers: Int

  package init(maxBytes: Int, maxDepth: Int = 64, maxMembers: Int = 10_000) {
    self.maxBytes = maxBytes
    self.maxDepth = maxDepth
    self.maxMembers = maxMembers
  }
}
