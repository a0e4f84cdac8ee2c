/// Why bytes are not JSON that this system accepts, and where.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The byte at which the mistake was noticed, from 0.
  package let offset: Int
  /// What is wrong there, in words.
  package let reason: String

  package init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  package var description: String { "\(self.reason) (at byte \(self.offset))" }
}
