import FramedRPC

/// What the guards of the synchronous calls did in a run.
package struct GuardCounts: Sendable {
  package var opened = 0
  package var closed = 0
  /// Calls that an open circuit refused.
  package var refused = 0
  /// Calls that waited for a place in a bulkhead, and got it …
  package var waited = 0
  /// … or did not.
  package var turnedAway = 0
}

extension World {
  /// Notes which circuits have opened or closed since the last look. A circuit closes by its probe
  /// alone, so that a look before and after each round of the loops sees every change.
  ///
  /// - Parameter isLast: the life is over, and so are the counters of its guards.
  func lookAtGuards(of life: Life, isLast: Bool = false) {
    guard isLast || life.isAlive else { return }
    for one in life.guards.all {
      if one.circuit.phase == .closed {
        if life.openCircuits.remove(one.name) != nil { self.guardCounts.closed += 1 }
      } else if life.openCircuits.insert(one.name).inserted {
        self.guardCounts.opened += 1
      }
      guard isLast else { continue }
      self.guardCounts.refused += one.circuit.refused
      self.guardCounts.waited += one.bulkhead.admittedLater
      self.guardCounts.turnedAway += one.bulkhead.refusedFull + one.bulkhead.refusedWait
    }
  }
}
