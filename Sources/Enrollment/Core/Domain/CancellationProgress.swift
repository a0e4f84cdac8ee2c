/// How far the classes of a course are canceled.
package struct CancellationProgress: Hashable, Sendable {
  /// The course is known to be canceled: the classes do not become more.
  package let isHeard: Bool
  /// Classes that there were when it was canceled; those there are now, while it is not.
  package let total: Int64
  package let remaining: Int64

  package init(isHeard: Bool, total: Int64, remaining: Int64) {
    self.isHeard = isHeard
    self.total = total
    self.remaining = remaining
  }
}
