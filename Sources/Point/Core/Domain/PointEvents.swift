/// What can happen in Point.
package enum PointEvent: Hashable, Sendable {
  case pointRegistered(PointRegistered)
  case pointCanceled(PointCanceled)

  /// As it was at that moment.
  package var point: Point {
    switch self {
    case .pointRegistered(let event): event.point
    case .pointCanceled(let event): event.point
    }
  }

  /// What the ledger says of it; nil when no points changed hands.
  package var entry: PointEntry? {
    switch self {
    case .pointRegistered(let event): event.entry
    case .pointCanceled(let event): event.entry
    }
  }
}

/// A student has points, and the gift that goes with them.
package struct PointRegistered: Hashable, Sendable {
  /// As it was at that moment.
  package let point: Point

  package init(point: Point) {
    self.point = point
  }

  package var entry: PointEntry { .earn(self.point) }
}

/// The points for a payment are taken back, or never granted.
package struct PointCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let point: Point
  /// Whether the student had the points until then.
  package let wasGranted: Bool

  package init(point: Point, wasGranted: Bool) {
    self.point = point
    self.wasGranted = wasGranted
  }

  /// nil when there was nothing to take back.
  package var entry: PointEntry? { self.wasGranted ? .reverse(self.point) : nil }
}
