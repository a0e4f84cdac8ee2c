/// What one run over unfinished things came to.
package struct Settlement: Hashable, Sendable {
  package let settled: Int
  /// Those that were tried and are still unfinished.
  package let remaining: Int

  package init(settled: Int, remaining: Int) {
    self.settled = settled
    self.remaining = remaining
  }

  /// - Parameter outcomes: For each thing tried, whether it is finished.
  package init(of outcomes: [Bool]) {
    let settled = outcomes.count { $0 }
    self.init(settled: settled, remaining: outcomes.count - settled)
  }
}
