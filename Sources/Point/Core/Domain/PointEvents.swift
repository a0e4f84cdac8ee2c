/// What can happen in Point.
package enum PointEvent: Hashable, Sendable {
  case pointRegistered(PointRegistered)
  case pointCanceled(PointCanceled)
}

/// A student has points, and the gift that goes with them.
package struct PointRegistered: Hashable, Sendable {
  /// As it was at that moment.
  package let point: Point

  package init(point: Point) {
    self.point = point
  }
}

/// The points for a payment are taken back, or never granted.
package struct PointCanceled: Hashable, Sendable {
  /// As it was at that moment.
  package let point: Point

  package init(point: Point) {
    self.point = point
  }
}
