import Kernel

/// One line of the ledger of points. Lines are added and never changed: what is taken back is taken
/// back by a line of its own, and a balance is the sum of lines (trap T39).
///
/// A payment has at most one line of each kind, a ``Kind/reverse`` only after its ``Kind/earn``.
/// Who the points belong to stands with the points and not here, so a corrected student takes the
/// balance along (trap T34).
package struct PointEntry: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Points were granted.
    case earn = "EARN"
    /// Granted points were canceled, whole.
    case reverse = "REVERSE"
  }

  package let pointID: PointID
  package let paymentID: PaymentID
  package let classID: ClassID
  package let kind: Kind
  /// Signed: what was earned, or exactly its negative. 0 where the fee is less than a point's worth.
  package let points: Int64

  /// - Returns: nil when the sign of `points` is not that of `kind`.
  package init?(
    pointID: PointID, paymentID: PaymentID, classID: ClassID, kind: Kind, points: Int64
  ) {
    switch kind {
    case .earn: guard points >= 0 else { return nil }
    // What has no negative was never earned.
    case .reverse: guard points <= 0, points > .min else { return nil }
    }
    self.pointID = pointID
    self.paymentID = paymentID
    self.classID = classID
    self.kind = kind
    self.points = points
  }

  private init(_ kind: Kind, _ point: Point, _ points: Int64) {
    self.pointID = point.id
    self.paymentID = point.paid.paymentID
    self.classID = point.paid.classID
    self.kind = kind
    self.points = points
  }

  /// The line of points that are granted.
  package static func earn(_ point: Point) -> PointEntry {
    PointEntry(.earn, point, point.earned)
  }

  /// The line of granted points that are canceled.
  package static func reverse(_ point: Point) -> PointEntry {
    // Never negative, so its negative exists.
    PointEntry(.reverse, point, -point.earned)
  }
}

/// An entry as it stands in the ledger.
package struct PostedPointEntry: Hashable, Sendable {
  /// From 1: the place in the ledger.
  package let sequence: Int64
  package let entry: PointEntry
  /// When it was written.
  package let at: Timestamp

  package init(sequence: Int64, entry: PointEntry, at: Timestamp) {
    self.sequence = sequence
    self.entry = entry
    self.at = at
  }
}
